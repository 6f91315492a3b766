"""Each policy on cuts made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from simulator.scheduling.cuts.base import Candidate
from simulator.settings.plugins import CUT_POLICIES

MIB = 2**20


def device(peaks: list[int], seconds: list[float], joules: list[float], memory: int = 100 * MIB) -> list[Candidate]:
    """A cut for each peak, in MiB, with heads from 0 on."""
    figures = zip(peaks, seconds, joules, strict=True)
    return [Candidate(head, 1, peak * MIB, memory, s, j) for head, (peak, s, j) in enumerate(figures)]


GROWING = device([40, 60, 80, 101], [9.0, 7.0, 8.0, 1.0], [5.0, 6.0, 7.0, 8.0])
"""The last does not fit; the second is the quickest that does."""
HOPELESS = device([101, 102], [1.0, 2.0], [1.0, 2.0])


def head(candidates: list[Candidate], **policy: Any) -> int | None:
    found = CUT_POLICIES.read(policy).choose(candidates)  # type: ignore[attr-defined]
    return None if found is None else int(found.head)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ({"name": "largest"}, 2),
        ({"name": "fastest"}, 1),
        ({"name": "budget", "seconds": "8 s"}, 2),
        ({"name": "budget", "seconds": "7.5 s"}, 1),
        ({"name": "budget", "energy": "6.5 J"}, 1),
        ({"name": "budget", "energy": "1 Wh"}, 2),
        ({"name": "budget", "memory": "60 MiB"}, 1),
        ({"name": "budget", "memory": 0.4}, 0),
        ({"name": "budget", "memory": 1.0}, 2),
        ({"name": "budget", "memory": "1 GiB"}, 2),
        ({"name": "budget", "seconds": "8.5 s", "energy": "6.5 J", "memory": 0.9}, 1),
        ({"name": "budget", "seconds": "7 s", "energy": "5 J"}, None),
        ({"name": "budget", "memory": "39 MiB"}, None),
    ],
)
def test_what_it_takes(policy: dict[str, Any], wanted: int | None) -> None:
    assert head(GROWING, **policy) == wanted


@pytest.mark.parametrize("policy", [{"name": "largest"}, {"name": "fastest"}, {"name": "budget", "energy": "9 J"}])
def test_where_nothing_fits_nothing_is_taken(policy: dict[str, Any]) -> None:
    assert head(HOPELESS, **policy) is None


def test_of_those_equally_fast_the_smallest() -> None:
    assert head(device([1, 2, 3], [5.0, 4.0, 4.0], [1.0, 1.0, 1.0]), name="fastest") == 1


def test_memory_that_is_just_enough_is_enough() -> None:
    assert head(device([100], [1.0], [1.0]), name="largest") == 0


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, "a budget needs a limit: seconds, energy or memory"),
        ({"seconds": 20}, "it has no unit. Write a duration as a number with a unit, such as 25 ms"),
        ({"energy": "50"}, "it has no unit. Write an energy as a number with a unit, such as 50 J"),
        ({"energy": "5 W"}, '"W" is not a unit of energy'),
        ({"memory": 2}, "it must be a share of the device's memory, above 0 and at most 1, or a size such as 4 GiB"),
        ({"memory": 0.0}, "above 0 and at most 1"),
        ({"memory": True}, "above 0 and at most 1"),
        ({"memory": "4"}, "it has no unit"),
    ],
)
def test_a_budget_that_cannot_be(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        CUT_POLICIES.read({"name": "budget", **limits})
    assert said in str(error.value)


@pytest.mark.parametrize(
    "limits", [{"memory": "1.5 GiB"}, {"memory": 0.25}, {"seconds": "20 s", "energy": "1.8 kJ"}, {"energy": "1 kWh"}]
)
def test_a_budget_reads_what_it_writes(limits: dict[str, Any]) -> None:
    budget = CUT_POLICIES.read({"name": "budget", **limits})
    assert CUT_POLICIES.read({"name": "budget", **budget.model_dump(mode="json")}) == budget
