"""Who comes first by a cost, and who is level."""

import math

import pytest

from analysis.verdict.ranking import Ranking, does, joined, times


def test_the_least_comes_first_and_the_next_is_so_many_times_as_much() -> None:
    ranking = Ranking.of({"A": 30.0, "B": 20.0, "C": 50.0})
    assert (ranking.first, ranking.second, ranking.lead) == (("B",), "A", 1.5)


def test_what_is_within_the_margin_ties() -> None:
    ranking = Ranking.of({"A": 104.0, "B": 100.0, "C": 106.0})
    assert (ranking.first, ranking.second) == (("B", "A"), "C")
    assert Ranking.of({"A": 104.0, "B": 100.0}, level=0.0).first == ("B",)


@pytest.mark.parametrize("lacking", [None, math.nan])
def test_a_label_without_a_cost_is_left_out(lacking: float | None) -> None:
    assert list(Ranking.of({"A": lacking, "B": 1.0}).costs) == ["B"]


def test_nothing_to_rank_has_no_first() -> None:
    ranking = Ranking.of({"A": None})
    assert (ranking.first, ranking.second, ranking.lead) == ((), None, None)


def test_words() -> None:
    assert joined(["A"]) == "A"
    assert does(["A", "B", "C"], "takes", "take") == "A, B and C take"
    assert (times(1.534), times(12.7)) == ("1.5", "13")
