"""What is computed from columns, chunk by chunk, equals to the digit what slow and simple code finds row by row."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import fsum
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting import tables
from simulator.accounting.columns import exact, standing, wasting
from simulator.accounting.columns import uses as of_uses
from simulator.accounting.columns.reading import ints
from simulator.accounting.columns.totals import Kind
from simulator.accounting.critical_path import critical_paths
from simulator.accounting.usage import Use, active_energy, uses
from simulator.accounting.waste import lost_updates, marked, mean_staleness, waste_by_reason
from tests.helpers.listed_paths import listed_paths
from tests.helpers.listed_uses import listed_uses
from tests.helpers.listed_waste import listed_marked, listed_waste
from tests.helpers.random_ledgers import END, random_ledger

INSTANCES = range(0, 60, 3)


@pytest.fixture(params=[(1, 0, 1), (3, 1, 4), (10**6, 2, 10**6)], ids=["all on disk", "some on disk", "in memory"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables whose chunks have so many rows, of which so many are kept in memory; so many stretches are sorted."""
    rows, kept, at_once = request.param
    monkeypatch.setattr(tables, "CHUNK", rows)
    monkeypatch.setattr(tables, "KEPT", kept)
    monkeypatch.setattr(of_uses, "BLOCK", at_once)
    for module in (standing, of_uses, wasting):
        monkeypatch.setattr(module, "AT_ONCE", at_once)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("small", [0, 10**6], ids=["made again", "kept"])
def test_uses_and_their_sums(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_uses, "SMALL", small)
    for seed in INSTANCES:
        ledger, power, devices = random_ledger(Random(seed), rows=seed)
        listed, found = listed_uses(ledger, power, devices, 0.0, END), uses(ledger, power, devices, 0.0, END)
        assert list(found) == listed
        parts: dict[Kind, list[Use]] = defaultdict(list)
        for use in listed:
            parts[Kind(use.side, use.phase, use.activity, use.round)].append(use)
        assert {
            kind: (spent.seconds, spent.bytes, spent.flops, spent.energy_j)
            for kind, spent in found.totals.spent.items()
        } == {
            kind: (
                fsum(use.seconds for use in group),
                sum(use.bytes for use in group),
                sum(use.flops for use in group),
                fsum(use.energy_j for use in group),
            )
            for kind, group in parts.items()
        }
        assert found.totals.active_energy_j == active_energy(listed, power)
        for activity, seconds in (("idle", found.totals.idle_s), ("wait", found.totals.wait_s)):
            assert seconds == sum(use.seconds for use in listed if (use.side, use.activity) == ("client", activity))


@pytest.mark.usefixtures("chunks")
def test_waste() -> None:
    for seed in INSTANCES:
        ledger, power, devices = random_ledger(Random(seed), rows=seed)
        assert tuple(map(list, marked(ledger))) == listed_marked(ledger)
        found, listed = waste_by_reason(ledger, power, devices), listed_waste(ledger, power, devices)
        assert list(found.items()) == list(listed.items())
        stale = [row.staleness for row in ledger.attempts if not row.reason]
        assert mean_staleness(ledger) == (sum(stale) / len(stale) if stale else None)
        assert lost_updates(ledger).total() == len(ledger.attempts) - len(stale)


@pytest.mark.usefixtures("chunks")
def test_critical_paths() -> None:
    for seed in INSTANCES:
        ledger, _, _ = random_ledger(Random(seed), rows=seed)
        assert critical_paths(ledger) == listed_paths(ledger)


def test_uses_are_a_sequence_that_equals_the_list_of_them() -> None:
    ledger, power, devices = random_ledger(Random(1), rows=40)
    listed, found = listed_uses(ledger, power, devices, 0.0, END), uses(ledger, power, devices, 0.0, END)
    assert found == listed
    assert found[3] == listed[3]
    assert found[2:5] == listed[2:5]
    assert found != listed[:-1]
    assert found != [*listed[:-1], listed[-1]._replace(flops=1)]


def test_sums_of_uses_that_are_given_as_a_list() -> None:
    ledger, power, devices = random_ledger(Random(1), rows=40)
    found = uses(ledger, power, devices, 0.0, END)
    assert of_uses.totals_of(list(found)).spent == found.totals.spent
    assert of_uses.totals_of([]).spent == {}


numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 3), numbers), max_size=30))
def test_sums_of_floats_are_exact(values: list[tuple[int, float]]) -> None:
    groups, floats = (np.array([value[place] for value in values], kind) for place, kind in enumerate((int, float)))
    found = exact.float_sums(groups, floats, 4)
    for group, total in enumerate(found):
        own = [value for key, value in values if key == group]
        assert exact.rounded(total) == fsum(own)
        assert Fraction(total, 2**1126) == sum(map(Fraction, own))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**70), 2**70) | st.integers(0, 2**63 - 1)), max_size=30))
def test_sums_of_whole_numbers_are_exact_however_large(values: list[tuple[int, int]]) -> None:
    groups = np.array([key for key, _ in values], int)
    found = exact.int_sums(groups, ints([value for _, value in values]), 4)
    assert found == [sum(value for key, value in values if key == group) for group in range(4)]
