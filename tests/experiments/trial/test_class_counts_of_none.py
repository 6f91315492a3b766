"""The classes of no clients, as a run that is rebuilt from its ledger has them."""

from __future__ import annotations

from simulator.experiments.trial.class_counts import ClassCounts


def test_no_clients_have_no_rows() -> None:
    assert list(ClassCounts.none()) == []
    assert ClassCounts.none().of(()) == []
