"""SplitFed: what interleaving does to a shared body, which legs are sent, and bytes by hand."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from simulator.algorithms.base import UnfitError
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.steps.shared_body import SharedBody
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.weights import Weights
from simulator.world.memory import Memory
from tests.helpers.learners import SAMPLES, Run, equal, go, largest_difference, make, overlaps, training
from tests.helpers.models import vit

MOMENTUM = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
TOKENS, DIM, CLASSES = 5, 16, 5
SMASHED = 4 * TOKENS * DIM
"""Bytes of one sample at a cut."""


@pytest.mark.parametrize("labels", ["private", "sent"])
def test_with_one_client_all_versions_are_one_to_the_bit(labels: Any) -> None:
    settings = training(clients_per_round=1, rounds=2, local_epochs=2)
    runs = [
        go(SplitFed(version="v1", labels=labels), settings, clients=1),
        go(SplitFed(version="v2", body="stashed", labels=labels), settings, clients=1),
        go(SplitFed(version="v2", body="exclusive", labels=labels), settings, clients=1),
    ]
    names = runs[0].trained.keys()
    assert all(equal(runs[0].trained, {name: run.trained[name] for name in names}) for run in runs[1:])
    sent = [[(row.kind, row.bytes) for row in run.world.ledger.transfers] for run in runs]
    assert sent[0] == sent[1] == sent[2]


def test_with_one_client_and_momentum_only_the_shared_body_remembers_earlier_rounds() -> None:
    """Optimizer state starts anew on each V1 copy every round; that of V2's body lives on at the server."""
    one, two = ((training(clients_per_round=1, rounds=n, optimizer=MOMENTUM)) for n in (1, 2))
    for settings, same in ((one, True), (two, False)):
        v1, v2 = (go(SplitFed(version=version), settings, clients=1) for version in ("v1", "v2"))  # type: ignore[arg-type]
        assert equal(v1.trained, {name: v2.trained[name] for name in v1.trained}) == same


class Conversation:
    """What happened to the shared body, in the order of service: what came in, and what came out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ranges: tuple[tuple[int, int], ...]) -> None:
        self.log: list[tuple[str, Pass, Any]] = []
        forward, backward, step = Part.forward.run, Pass.backward.run, Weights.step.run

        def on_forward(part: Part, x: Any) -> Pass:
            one = forward(part, x)
            if part.ranges == ranges:
                self.log.append(("forward", one, x.clone()))
            return one

        def on_backward(one: Pass, grad: Any) -> Any:
            value = backward(one, grad)
            if one.part.ranges == ranges:
                self.log.append(("backward", one, grad.clone()))
            return value

        def on_step(weights: Weights, *passes: Pass) -> None:
            step(weights, *passes)
            if passes[0].part.ranges == ranges:
                self.log.append(("step", passes[0], None))

        monkeypatch.setattr(Part.forward, "run", on_forward)
        monkeypatch.setattr(Pass.backward, "run", on_backward)
        monkeypatch.setattr(Weights.step, "run", on_step)

    @property
    def order(self) -> list[tuple[str, int]]:
        """(what, which pass)."""
        passes: dict[int, int] = {}
        return [(what, passes.setdefault(id(one), len(passes))) for what, one, _ in self.log]


def replay(log: list[tuple[str, Pass, Any]], rate: float) -> dict[str, Tensor]:
    """By hand, with timm's own block: each pass at the weights of its forward, each step from the newest weights."""
    block = vit().blocks[1]
    newest = {name: parameter.detach().clone() for name, parameter in block.named_parameters()}
    tapes: dict[int, tuple[dict[str, Tensor], Tensor]] = {}
    grads: dict[int, dict[str, Tensor]] = {}
    for what, one, value in log:
        if what == "forward":
            leaves = {name: tensor.clone().requires_grad_() for name, tensor in newest.items()}
            tapes[id(one)] = leaves, functional_call(block, leaves, (value,))
        elif what == "backward":
            leaves, output = tapes[id(one)]
            grads[id(one)] = dict(zip(leaves, torch.autograd.grad(output, list(leaves.values()), value), strict=True))
        else:
            newest = {name: tensor - rate * grads[id(one)][name] for name, tensor in newest.items()}
    return newest


def body(run: Run) -> dict[str, Tensor]:
    return {
        name.removeprefix("block1."): tensor.clone()
        for name, tensor in run.world.server.store(SharedBody).weights.items()
        if name.startswith("block1.")
    }


def test_stashed_passes_keep_their_weights_and_gradients_apply_to_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Conversation(monkeypatch, ((2, 3),))
    run = go(SplitFed(version="v2", body="stashed"), training(clients_per_round=4), slots=3)
    order = heard.order
    stale = [
        number
        for number in range(16)
        if any(
            what == "step" for what, _ in order[order.index(("forward", number)) : order.index(("backward", number))]
        )
    ]
    assert len(stale) >= 5, "clients must interleave, else this shows nothing"
    found, wanted = body(run), replay(heard.log, rate=0.1)
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-7)
    assert largest_difference(wanted, {n: p.detach() for n, p in vit().blocks[1].named_parameters()}) > 1e-3


def test_exclusive_is_never_interleaved_between_forward_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Conversation(monkeypatch, ((2, 3),))
    run = go(SplitFed(version="v2", body="exclusive"), training(clients_per_round=4), slots=3)
    assert heard.order == [(what, number) for number in range(16) for what in ("forward", "backward", "step")]
    found, wanted = body(run), replay(heard.log, rate=0.1)
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-7)


def test_the_two_readings_differ_in_time_and_in_what_is_learned() -> None:
    stashed, exclusive = (go(SplitFed(version="v2", body=body), slots=3) for body in ("stashed", "exclusive"))  # type: ignore[arg-type]
    assert stashed.world.now < exclusive.world.now
    assert largest_difference(stashed.trained, exclusive.trained) > 1e-6


def test_stashed_versions_are_charged_to_memory_while_a_pass_needs_them() -> None:
    """A body of one block on plain SGD: weights, gradients, and the block again for each version still needed."""
    _, task = make(SplitFed(version="v2"), training())
    weights = task.weights(task.trainable(((2, 3),)), round=1)
    body, block = task.part(weights, ((2, 3),)), 4 * sum(p.numel() for p in vit().blocks[1].parameters())
    x = torch.randn(2, TOKENS, DIM)
    grad = torch.ones_like(x)
    memory, found = Memory(), []

    def look() -> None:
        memory.begin("a", body, 0)
        found.append(memory.bytes / block)
        memory.end("a", 0, 0)

    passes = [body.forward(x) for _ in range(3)]
    look()  # three passes on one version
    for one in passes:
        one.backward(grad)
        weights.step(one)
        look()
    assert found == [2, 3, 3, 2]
    memory.release("a")
    assert memory.bytes == 0


def test_each_version_that_is_still_needed_is_charged() -> None:
    _, task = make(SplitFed(version="v2"), training())
    weights = task.weights(task.trainable(((2, 3),)), round=1)
    body, block = task.part(weights, ((2, 3),)), 4 * sum(p.numel() for p in vit().blocks[1].parameters())
    x, still_open, found = torch.randn(2, TOKENS, DIM), [], []
    for _ in range(3):
        still_open.append(body.forward(x))
        stepped = body.forward(x)
        stepped.backward(torch.ones_like(x))
        weights.step(stepped)
        found.append(weights.earlier_bytes / block)
    still_open.clear()
    assert [*found, weights.earlier_bytes] == [1, 2, 3, 0]


def test_parts_that_are_open_on_one_version_count_once_together() -> None:
    """Three blocks, of which open passes hold the first, the second and third, and the third alone."""
    _, task = make(SplitFed(version="v2"), training())
    weights = task.weights(task.trainable(), round=1)
    block = 4 * sum(p.numel() for p in vit().blocks[1].parameters())
    x = torch.randn(2, TOKENS, DIM)
    parts = [task.part(weights, ranges) for ranges in (((1, 2),), ((2, 4),), ((3, 4),))]
    still_open = [part.forward(x) for part in parts]
    for part in parts[:2]:  # two steps: two newer versions
        stepped = part.forward(x)
        stepped.backward(torch.ones_like(x))
        weights.step(stepped)
    assert (len(still_open), weights.earlier_bytes / block) == (3, 3)


def test_labels_sent_is_one_service() -> None:
    run = go(SplitFed(labels="sent"), training())
    assert {row.work for row in run.works(site="server")} == {"train_step", "weighted_mean"}
    assert not run.transfers(kind="features")


def kinds(run: Run) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in run.world.ledger.transfers:
        found.setdefault(row.kind, []).append(row.bytes)
    return found


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_full_sends_four_legs_a_batch(version: Literal["v1", "v2"]) -> None:
    """4 q n b_f of smashed data, and 2 (|W_h| + |W_t|) b_f of models, each client and round."""
    run = go(SplitFed(version=version), training())
    legs = [8 * SMASHED, 2 * SMASHED] * 6
    found = kinds(run)
    models = found.pop("model")
    assert {kind: sorted(sizes) for kind, sizes in found.items()} == {
        kind: sorted(legs) for kind in ("smashed data", "features", "feature gradient", "smashed gradient")
    }
    parts = [vit().patch_embed, vit().blocks[0], vit().blocks[2], vit().norm, vit().head]
    mine = (
        sum(parameter.numel() for part in parts for parameter in part.parameters()) + 6 * 16
    )  # class token, positions
    assert models == [4 * mine] * 12
    batches = 6 * SAMPLES
    assert sum(sum(sizes) for sizes in found.values()) == 4 * SMASHED * batches


def test_linear_sends_one_leg_up_and_one_down_a_batch() -> None:
    run = go(SplitFed(), training("linear"))
    found = kinds(run)
    assert set(found) == {"model", "frozen weights", "smashed data", "features"}
    assert sum(found["smashed data"]) == sum(found["features"]) == SMASHED * 6 * SAMPLES
    assert found["model"] == [4 * (DIM * CLASSES + CLASSES)] * 12
    assert {row.work for row in run.works(site="server")} == {"forward", "weighted_mean"}


def test_a_body_behind_frozen_stages_gets_its_gradient_but_sends_none_down() -> None:
    """Bias training with nothing trained in the head would be such a case; here: prompts in the head, body frozen."""
    found = kinds(go(SplitFed(), training("prompt")))
    assert {"feature gradient", "smashed gradient"} <= set(found)
    run = go(SplitFed(), training("prompt"))
    assert "step" not in {row.work for row in run.works(site="server")}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_device_that_trains_nothing_is_sent_no_model(version: Any) -> None:
    """The classifier is at the server: there is nothing to exchange, and nothing of it to average in v2."""
    run = go(SplitFed(version=version, labels="sent"), training("linear"))
    assert set(kinds(run)) == {"frozen weights", "smashed data and labels"}
    assert len(run.works(work="weighted_mean")) == (2 if version == "v1" else 0)
    assert all(not torch.equal(run.trained[name], start) for name, start in run.task.trainable().items())


@pytest.mark.parametrize(
    ("train", "extra", "down"), [("full", 8, True), ("bias", 8, True), ("linear", 8, False), ("prompt", 8, True)]
)
def test_labels_sent_are_eight_bytes_each(train: str, extra: int, down: bool) -> None:
    run = go(SplitFed(labels="sent", head=1, tail=1), training(train))
    tokens = TOKENS + 4 * (train == "prompt")
    assert sum(kinds(run)["smashed data and labels"]) == (4 * tokens * DIM + extra) * 6 * SAMPLES
    assert ("smashed gradient" in kinds(run)) == down
    if down:
        assert sum(kinds(run)["smashed gradient"]) == 4 * tokens * DIM * 6 * SAMPLES


def test_a_smaller_wire_halves_floats_but_not_labels() -> None:
    run = go(SplitFed(labels="sent"), training(wire_dtype="fp16"))
    assert sum(kinds(run)["smashed data and labels"]) == (SMASHED // 2 + 8) * 6 * SAMPLES


def test_server_flops_are_the_bodys() -> None:
    run = go(SplitFed(), training())
    sizes = run.task.model.sizes(((2, 3),), (1, TOKENS, DIM))
    works = run.works(site="server")
    assert sum(row.flops for row in works if row.work == "forward") == 6 * SAMPLES * sizes.forward
    assert sum(row.flops for row in works if row.work == "backward") == 6 * SAMPLES * sizes.backward
    assert sizes.backward == 2 * sizes.forward
    assert {row.flops for row in works if row.work == "step"} == {0}


@pytest.mark.parametrize(("head", "tail", "key"), [(3, 0, "head"), (0, 3, "tail"), (2, 1, "head"), (1, 2, "tail")])
def test_a_cut_that_leaves_no_body_is_refused(head: int, tail: int, key: str) -> None:
    _, task = make(SplitFed(), training())
    with pytest.raises(UnfitError) as error:
        SplitFed(head=head, tail=tail).check(task.model, training())
    assert (error.value.key, error.value.allowed) == (key, "head + tail of at most 2")


@pytest.mark.parametrize(("head", "tail"), [(0, 0), (0, 2), (2, 0), (1, 0)])
def test_every_cut_learns_what_fedavg_learns(head: int, tail: int) -> None:
    whole, split = go(FedAvg(), training()), go(SplitFed(head=head, tail=tail), training())
    assert largest_difference(whole.trained, split.trained) < 2e-6


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("labels", ["private", "sent"])
def test_two_runs_are_equal_to_the_bit(version: Any, labels: Any) -> None:
    algorithm = SplitFed(version=version, labels=labels)
    one, two = go(algorithm), go(algorithm)
    assert equal(one.trained, two.trained)
    assert one.world.ledger == two.world.ledger


def test_copies_of_v1_are_served_side_by_side() -> None:
    run = go(SplitFed(), training(), slots=3, server=2e7)
    assert any(overlaps(run.works(site="server", round=1)))


@pytest.mark.parametrize("body", ["stashed", "exclusive"])
def test_the_gradient_goes_back_when_it_is_there_not_after_the_servers_step(body: str) -> None:
    """With a server so slow in stepping that a wait for it would show, and several clients that want it."""
    run = go(SplitFed(version="v2", body=body), training(clients_per_round=3))  # type: ignore[arg-type]
    gradients = {(row.client, row.start + row.seconds) for row in run.world.ledger.works if row.work == "backward"}
    sent = [(row.client, row.start) for row in run.transfers(kind="smashed gradient")]
    assert len(sent) > 10
    assert set(sent) <= gradients
