"""SplitFed V2 with an exclusive body: held from its forward pass to its step, and no longer."""

from simulator.algorithms.splitfed import SplitFed
from tests.helpers.learners import Run, go, training


def held(run: Run, client: str) -> list[tuple[float, float]]:
    """From the start of each forward pass of the body to the end of the step that follows."""
    works = sorted(run.works(site="server", client=client), key=lambda row: row.start)
    starts = [row.start for row in works if row.work == "forward"]
    ends = [row.start + row.seconds for row in works if row.work == "step"]
    return list(zip(starts, ends, strict=True))


def overlap(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> bool:
    return any(a < d - 1e-12 and c < b - 1e-12 for a, b in one for c, d in other)


def two(body: str) -> Run:
    return go(SplitFed(version="v2", body=body), training(clients_per_round=2), clients=2)  # type: ignore[arg-type]


def test_nobody_comes_between_forward_and_step() -> None:
    run = two("exclusive")
    assert not overlap(held(run, "phone-0"), held(run, "phone-1"))


def test_stashed_clients_do_come_between() -> None:
    run = two("stashed")
    assert overlap(held(run, "phone-0"), held(run, "phone-1"))


def test_devices_go_on_working_while_another_holds_the_body() -> None:
    run = two("exclusive")
    other = held(run, "phone-1")
    on_the_device = [(row.start, row.start + row.seconds) for row in run.works(site="phone-0")]
    assert overlap(on_the_device, other)


def test_with_labels_sent_the_two_are_the_same() -> None:
    stashed, exclusive = (
        go(SplitFed(version="v2", body=body, labels="sent"), training(clients_per_round=3))  # type: ignore[arg-type]
        for body in ("stashed", "exclusive")
    )
    assert stashed.world.ledger == exclusive.world.ledger


def test_with_labels_sent_the_tail_leaves_the_cut_alone() -> None:
    """Three blocks, head 2, tail 1: the tail is at the server anyway, and one block is left for it."""
    settings = training(rounds=1)
    run = go(SplitFed(labels="sent", head=2, tail=1), settings)
    device = sum(t.numel() for name, t in run.state.items() if not name.startswith(("block2.", "head.")))
    assert {row.bytes for row in run.transfers(kind="model", target="server")} == {4 * device}
