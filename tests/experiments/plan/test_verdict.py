"""What a plan says first: who has the shortest round at its best cut, who sends least, and what first rounds change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from simulator.experiments.plan.cuts import PlannedCut
from simulator.experiments.plan.rounds import Round
from simulator.experiments.plan.verdict import NOT_KNOWN, verdict_of_plan


def planned(
    label: str,
    seconds: float,
    *,
    head: int | None = None,
    first: float | None = None,
    nbytes: int = 100,
    joules: float = 1.0,
    fits: bool = True,
) -> PlannedCut:
    algorithm = SimpleNamespace() if head is None else SimpleNamespace(head=head, tail=1)
    entry: Any = SimpleNamespace(label=label, algorithm=algorithm)
    costs = Round(seconds, nbytes, 0, 0, 0, 0, joules, {})
    lacking = {} if fits else {"pi": 1}
    return PlannedCut(entry, False, 0, (), costs, first or seconds, 0, {}, lacking)


def test_each_algorithm_stands_with_its_fastest_cut_that_fits() -> None:
    points = [
        planned("FL", 10.0, nbytes=1_000_000, joules=5.0),
        planned("SFL", 1.0, head=0, fits=False),
        planned("SFL", 5.0, head=1, nbytes=3_000_000, joules=2.0),
        planned("SFL", 8.0, head=2, nbytes=10),
    ]
    verdict = verdict_of_plan(points)
    assert verdict.answer == (
        "SFL with head 1 has the shortest round, 5 s; a round of FL takes 2 times as long (10 s).",
        NOT_KNOWN,
    )
    assert verdict.cost == (
        "For a round, FL takes the least traffic (1 MB); SFL with head 1 takes the least energy on the devices (2 J).",
    )
    assert verdict.first == ("SFL",)
    assert verdict.change == ()


def test_rounds_within_five_per_cent_are_level() -> None:
    verdict = verdict_of_plan([planned("FL", 10.0), planned("SFL", 10.4), planned("SFPrompt", 20.0)])
    assert verdict.first == ("FL", "SFL")
    assert verdict.answer[0].startswith("Rounds of FL and SFL are level, with 10 s; a round of SFPrompt takes 2 times")
    assert verdict.cost == (), "all send the same, and take the same energy"


def test_what_is_sent_once_may_turn_the_first_round_around() -> None:
    verdict = verdict_of_plan([planned("FL", 10.0), planned("SFPrompt", 5.0, first=20.0)])
    assert verdict.change == (
        "A first round, in which frozen weights are sent, takes FL 10 s, SFPrompt 20 s: there FL is shortest.",
    )


def test_an_algorithm_that_fits_nowhere_is_left_out_and_named() -> None:
    verdict = verdict_of_plan([planned("FL", 1.0, fits=False), planned("SFL", 5.0)])
    assert verdict.answer == (
        "A round of SFL takes 5 s; there is nothing to compare it with.",
        "FL does not fit into memory at any cut.",
        NOT_KNOWN,
    )
    assert verdict_of_plan([planned("FL", 1.0, fits=False)]).answer == ("FL does not fit into memory at any cut.",)
