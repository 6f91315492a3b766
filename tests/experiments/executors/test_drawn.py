"""Items are drawn when a worker is free, so that what comes next may depend on what came before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.experiments.executors.drawn import Drawn


def squared(number: int) -> int:
    if number < 0:
        raise ValueError("negative")
    return number**2


def test_an_item_is_drawn_only_when_a_worker_is_free() -> None:
    """Each item is made of how many results have been taken in: with two workers, at most one is still missing."""
    results: list[int] = []

    def items() -> Iterator[int]:
        for number in range(6):
            assert len(results) >= number - 1
            yield number

    results.extend(Drawn(2, 1).map(squared, items()))
    assert sorted(results) == [0, 1, 4, 9, 16, 25]


def test_an_error_ends_it_and_nothing_is_no_work() -> None:
    assert list(Drawn(2, 1).map(squared, [])) == []
    with pytest.raises(ValueError, match="negative"):
        list(Drawn(2, 1).map(squared, [1, -1, 2]))
