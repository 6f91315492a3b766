"""The rule of verdicts, case by case."""

from __future__ import annotations

import pytest

from simulator.experiments.evidence.claims_verdict import MEANINGS, State, combined, state_of, verdict


@pytest.mark.parametrize(
    ("conditions", "states", "expected"),
    [
        ("stated", [True, True], "holds"),
        ("ours", [True, True], "holds if"),
        ("stated", [True, False], "holds if"),
        ("stated", [None, True], "holds if"),
        ("stated", [False, False], "does not"),
        ("ours", [False], "does not"),
        ("ours", [False, None], "not decided"),
    ],
)
def test_a_verdict(conditions: str, states: list[State], expected: str) -> None:
    assert verdict(conditions, "does not", states) == expected  # type: ignore[arg-type]
    assert expected in MEANINGS


def test_the_file_says_what_failure_means() -> None:
    assert verdict("ours", "not enough said", [False]) == "not enough said"


@pytest.mark.parametrize(
    ("accepted", "state"), [([True, True, True], True), ([False, False, False], False), ([True, False, True], None)]
)
def test_a_figure_is_as_claimed_only_with_every_seed(accepted: list[bool], state: State) -> None:
    assert state_of(accepted) is state


@pytest.mark.parametrize(
    ("states", "state"), [([True, True], True), ([True, None], None), ([None, False], False), ([True, False], False)]
)
def test_a_condition_gives_a_claim_only_with_every_figure(states: list[State], state: State) -> None:
    assert combined(states) is state
