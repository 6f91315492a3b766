"""Updates moved to the present, and completed where parts of them are missing: by hand."""

from __future__ import annotations

import pytest
import torch

from simulator.learning.training.averaging import weighted_mean
from simulator.learning.training.staleness import completed, moved


def tensors(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.full((3,), value) for name, value in values.items()}


def test_a_change_is_applied_to_the_present_state_times_its_weight() -> None:
    result = moved.run(tensors(a=10.0, b=0.0), tensors(a=3.0, b=1.0), tensors(a=1.0, b=2.0), 0.5)
    assert [float(result[name][0]) for name in "ab"] == [11.0, -0.5]


def test_with_the_present_as_its_base_a_change_is_a_mix() -> None:
    state, update = tensors(a=4.0), tensors(a=8.0)
    assert float(moved.run(state, update, state, 0.25)["a"][0]) == 0.75 * 4 + 0.25 * 8


def test_a_tensor_that_the_state_lacks_stays_as_it_is() -> None:
    update = tensors(a=1.0, personal=7.0)
    assert moved.run(tensors(a=0.0), update, tensors(a=0.0), 0.5)["personal"] is update["personal"]


def test_neither_the_state_nor_the_update_is_changed() -> None:
    state, update, base = tensors(a=4.0), tensors(a=8.0), tensors(a=1.0)
    moved.run(state, update, base, 0.5)
    assert [float(tree["a"][0]) for tree in (state, update, base)] == [4, 8, 1]


def test_moving_reads_three_tensors_and_writes_one() -> None:
    cost = moved.cost(tensors(a=0.0, b=0.0), tensors(a=0.0), tensors(a=0.0, b=0.0), 0.5)
    assert (cost.bytes_touched, cost.flops) == (4 * 3 * 4, 0)


@pytest.mark.parametrize("weights", [[1.0, 3.0, 4.0], [1.0, 1.0, 1.0]])
def test_the_mean_of_completed_updates_is_one_over_those_that_have_a_tensor(weights: list[float]) -> None:
    state = tensors(a=100.0, b=100.0, c=100.0)
    values = [tensors(a=1.0, b=2.0), tensors(b=6.0), tensors(b=10.0)]
    mean = weighted_mean.run(completed.run(values, weights, state), weights)
    b = sum(value * weight for value, weight in zip((2.0, 6.0, 10.0), weights, strict=True)) / sum(weights)
    assert [float(mean[name][0]) for name in "abc"] == pytest.approx([1.0, b, 100.0])
