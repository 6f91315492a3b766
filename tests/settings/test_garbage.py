"""Garbage is not collected while many objects are made that stay."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Generator

import pytest

from simulator.settings.garbage import seldom_collected, set_apart, take_back, uncollected


def test_collection_is_as_it_was_afterwards() -> None:
    assert gc.isenabled()
    with uncollected(), uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collection_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), uncollected():
        raise ValueError("wrong")
    assert gc.isenabled()


SELDOM = 12_345, 6, 7


def thresholds_within() -> Generator[tuple[int, int, int], None, None]:
    """Yield the thresholds as they are while this runs, twice, and then fail."""
    yield gc.get_threshold()
    yield gc.get_threshold()
    raise ValueError("wrong")


def test_garbage_is_seldom_collected_while_a_generator_runs_and_as_before_while_it_is_paused() -> None:
    usual = gc.get_threshold()
    steps = seldom_collected(thresholds_within(), SELDOM)
    assert [next(steps), gc.get_threshold(), next(steps), gc.get_threshold()] == [SELDOM, usual, SELDOM, usual]
    with pytest.raises(ValueError, match="wrong"):
        next(steps)
    assert gc.get_threshold() == usual


def test_a_generator_that_is_given_up_is_closed() -> None:
    steps = thresholds_within()
    outer = seldom_collected(steps, SELDOM)
    next(outer)
    outer.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_what_is_set_apart_is_collected_once_it_is_taken_back() -> None:
    class Circle:
        def __init__(self) -> None:
            self.itself = self

    found = weakref.ref(Circle())
    assert set_apart()
    try:
        assert not set_apart(), "nothing is set apart twice"
        gc.collect()
        assert found() is not None
    finally:
        take_back()
    gc.collect()
    assert found() is None
