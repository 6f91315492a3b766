"""How updates meet."""

import pytest
import torch

from simulator.learning.averaging import weighted_mean
from simulator.learning.trees import tree_bytes


def test_mean_by_hand() -> None:
    values = [
        {"a": torch.tensor([1.0, 2.0]), "b": [torch.tensor([3.0])]},
        {"a": torch.tensor([5.0, 4.0]), "b": [torch.tensor([7.0])]},
    ]
    mean = weighted_mean(values, [1, 3])
    assert mean["a"].tolist() == [4.0, 3.5]
    assert mean["b"][0].tolist() == [6.0]
    assert values[0]["a"].tolist() == [1.0, 2.0]


def test_the_mean_of_one_is_that_one_to_the_bit() -> None:
    value = {"a": torch.randn(50)}
    assert torch.equal(weighted_mean([value], [17])["a"], value["a"])


def test_weights_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"updates weigh \[0, 0\]: nothing to average by"):
        weighted_mean([{}, {}], [0, 0])


def test_it_is_charged_by_bytes() -> None:
    """Every update is read, and one result written; all of them lie in memory."""
    values = [{"a": torch.zeros(10), "n": 3}] * 4
    cost = weighted_mean.cost(values, [1] * 4)
    assert tree_bytes(values[0]) == 48
    assert (cost.flops, cost.bytes_touched, cost.peak_bytes) == (0, 5 * 48, 5 * 48)
