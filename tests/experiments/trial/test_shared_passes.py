"""Real trials in which works share passes at the server, against those in which each has one of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_leaves

from simulator.experiments.trial.result import RoundResult
from simulator.experiments.trial.simulate import Simulation
from tests.helpers.caches import forget
from tests.helpers.small_trials import scenario

SLOW = {"name": "rtx-4090", "slots": 1, "rate": {"fp32": "20 MFLOP/s"}, "batch_efficiency": [[8, 0.5], [32, 1]]}
"""A server for which devices wait, and on which passes of several batches are quicker than one after the other."""


def trained(folder: Path, label: str, **serving: Any) -> tuple[list[RoundResult], list[Any], list[int]]:
    """Train a round of three devices; return its rounds, the last state's tensors, and the passes of the works."""
    world = {"devices": [{"name": "raspberry-pi-4", "count": 100}], "server": SLOW | serving}
    small = scenario(folder, [label], world=world, training={"rounds": 1, "clients_per_round": 3})
    forget()
    simulation = Simulation(small, small.algorithms[0], seed=0)
    states, score = [], simulation.evaluation.score

    def kept(algorithm: Any, world: Any, task: Any, state: Any) -> Any:
        states.append(state)
        return score(algorithm, world, task, state)

    simulation.evaluation.score = kept  # type: ignore[method-assign]
    result = simulation.run()
    works = [row.batch for row in result.ledger.works if row.site == "server"]
    return result.rounds, [leaf for leaf in tree_leaves(states[-1]) if isinstance(leaf, torch.Tensor)], works


@pytest.mark.parametrize(("label", "shares"), [("sfp", True), ("v1-linear", True), ("v1", False)])
def test_passes_are_shared_where_the_body_is_frozen_and_nothing_is_learned_otherwise(
    tmp_path: Path, label: str, shares: bool
) -> None:
    """To the digit: what is shared is the time of a pass, and never its arithmetic."""
    alone, own, never = trained(tmp_path, label)
    rounds, together, batches = trained(tmp_path, label, batching={"most": 4})
    assert (any(batches), any(never)) == (shares, False)
    assert (rounds[-1].sim_time_s < alone[-1].sim_time_s) is shares, "what is gained is time"
    assert [point.score for point in rounds] == [point.score for point in alone]
    assert len(own) == len(together) > 0
    assert all(torch.equal(a, b) for a, b in zip(own, together, strict=True))
