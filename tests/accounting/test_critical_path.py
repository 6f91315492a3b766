"""The critical path of a round, by hand; `tests.experiments.trial.test_critical_path` has those of real trials."""

from __future__ import annotations

from typing import Any

from simulator.accounting.critical_path import critical_paths, path_shares
from simulator.accounting.ledger import SET_ASIDE, Ledger, RoundRow, SiteRow, TransferRow, WaitRow, WorkRow

DARK = 1e9, 0, 0, 0, 0


def ledger(*rows: Any, rounds: tuple[RoundRow, ...] = (RoundRow(1, 0, 10),)) -> Ledger:
    """Return a ledger of a server and three devices, with these rows."""
    made = Ledger()
    made.sites.add(SiteRow("server", "gpu", "server", 1, *DARK))
    for name, group in (("a", "pi"), ("b", "nano"), ("c", "pi")):
        made.sites.add(SiteRow(name, group, "device", 1, *DARK))
    tables = {WorkRow: made.works, TransferRow: made.transfers, WaitRow: made.waits}
    for row in rows:
        tables[type(row)].add(row)
    for turn in rounds:
        made.rounds.add(turn)
    return made


def computed(client: str, start: float, end: float, phase: str = "training") -> WorkRow:
    return WorkRow(client, client, "train", phase, 1, start, start, end - start, 1, 1)


def served(client: str | None, asked: float, start: float, end: float, round: int = 1, **more: Any) -> WorkRow:
    return WorkRow("server", client, "serve", "split training", round, asked, start, end - start, 1, 1, **more)


def sent(client: str, start: float, end: float, latency: float = 0.0, up: bool = True) -> TransferRow:
    ends = (client, "server") if up else ("server", client)
    return TransferRow(*ends, client, "model", "model exchange", 1, start, end - start, 1, 0, latency)


def path(made: Ledger) -> list[tuple[float, float, str, str, str | None]]:
    """Return (start, end, activity, site, client) of each segment."""
    return [
        (found.start, found.start + found.seconds, found.activity, found.site, found.client)
        for found in critical_paths(made)
    ]


def test_the_path_of_a_round_by_hand() -> None:
    """The device ``b`` is last, for it computes longer and then waits for the server."""
    made = ledger(
        *(sent("a", 0, 1, up=False), computed("a", 1, 3), served("a", 3, 3, 6), sent("a", 6, 7)),
        *(sent("b", 0, 1, 0.25, up=False), computed("b", 1, 4), served("b", 4, 6, 8), sent("b", 8, 9, 0.5)),
        served(None, 9, 9, 10),
    )
    assert path(made) == [
        (0, 0.25, "latency", "server", "b"),
        (0.25, 1, "transfer", "server", "b"),
        (1, 4, "compute", "b", "b"),
        (4, 6, "queue", "server", "b"),
        (6, 8, "compute", "server", "b"),
        (8, 8.5, "latency", "b", "b"),
        (8.5, 9, "transfer", "b", "b"),
        (9, 10, "compute", "server", None),
    ]


def test_sides_phases_and_groups_of_a_path_add_up() -> None:
    made = ledger(computed("a", 0, 4), sent("a", 4, 6), served("a", 6, 7, 9), served(None, 9, 9, 10))
    assert {tuple(part): seconds for part, seconds in path_shares(critical_paths(made)).items()} == {
        ("compute", "device", "training", "pi"): 4,
        ("transfer", "link", "model exchange", "pi"): 2,
        ("compute", "server", "split training", "pi"): 2,
        ("queue", "server", "split training", "pi"): 1,
        ("compute", "server", "split training", "none"): 1,
    }


def test_the_same_client_comes_before_others_that_ended_at_that_moment() -> None:
    made = ledger(computed("b", 0, 5), computed("a", 1, 5), sent("a", 0, 1), sent("a", 5, 10))
    assert [(found[2], found[4]) for found in path(made)] == [("transfer", "a"), ("compute", "a"), ("transfer", "a")]


def test_where_others_are_waited_for_the_one_that_began_first_is_on_the_path() -> None:
    made = ledger(computed("b", 2, 8), computed("a", 0, 8), served(None, 8, 8, 10))
    assert path(made) == [(0, 8, "compute", "a", "a"), (8, 10, "compute", "server", None)]


def test_a_lock_is_passed_on_from_client_to_client() -> None:
    """``b`` is done at 2 s, and begins to serve when ``a`` has ended."""
    made = ledger(computed("b", 0, 2), computed("a", 0, 1), served("a", 1, 1, 6), served("b", 6, 6, 10))
    assert path(made) == [
        (0, 1, "compute", "a", "a"),
        (1, 6, "compute", "server", "a"),
        (6, 10, "compute", "server", "b"),
    ]


def test_where_nothing_ended_the_time_back_to_the_last_row_is_told_as_other() -> None:
    """The server waits for a deadline at 8 s; and the device begins a second after the round."""
    made = ledger(computed("a", 1, 5), served(None, 8, 8, 10))
    assert path(made) == [
        (0, 1, "other", "", "a"),
        (1, 5, "compute", "a", "a"),
        (5, 8, "other", "", None),
        (8, 10, "compute", "server", None),
    ]


def test_a_round_in_which_nothing_happened_is_other() -> None:
    assert path(ledger()) == [(0, 10, "other", "", None)]


def test_a_row_that_began_before_the_round_counts_from_its_start() -> None:
    rounds = RoundRow(1, 0, 4), RoundRow(2, 4, 6)
    made = ledger(
        computed("a", 0, 3), computed("b", 0, 9), served(None, 3, 3, 4), served(None, 9, 9, 10), rounds=rounds
    )
    assert [found for found in path(made) if found[0] >= 4] == [
        (4, 9, "compute", "b", "b"),
        (9, 10, "compute", "server", None),
    ]


def test_a_client_that_waited_until_it_was_stopped_is_on_the_path() -> None:
    wait = WaitRow("server", "a", "serve", "split training", 1, 2, 6, 0, "late")
    assert path(ledger(computed("a", 0, 2), wait, served(None, 8, 8, 10)))[1] == (2, 8, "queue", "server", "a")


def test_the_time_for_which_a_work_was_set_aside_is_queueing() -> None:
    aside = WaitRow("server", "a", "serve", "split training", 1, 5, 3, 0, SET_ASIDE, 1)
    made = ledger(computed("a", 0, 2), served("a", 2, 4, 10, share=0.5, aside=1), aside)
    assert [found[:3] for found in path(made)] == [
        (0, 2, "compute"),
        (2, 4, "queue"),
        (4, 5, "compute"),
        (5, 8, "queue"),
        (8, 10, "compute"),
    ]


def test_works_that_take_no_time_are_passed_over() -> None:
    made = ledger(computed("a", 0, 5), computed("a", 5, 5), served("a", 5, 5, 5), served(None, 5, 5, 10))
    assert path(made) == [(0, 5, "compute", "a", "a"), (5, 10, "compute", "server", None)]
