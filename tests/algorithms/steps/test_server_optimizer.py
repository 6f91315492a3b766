"""Server optimizers against the formulas of Reddi et al. (2021), Algorithm 2, over two rounds."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from simulator.algorithms.fedadam import FedAdam
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.fedavgm import FedAvgM
from simulator.algorithms.fedyogi import FedYogi
from simulator.algorithms.steps.server_optimizer import FedOpt
from tests.helpers.learners import Run, go, largest_difference, training

NAME = "head.head.weight"


def states(algorithm: FedAvg, rounds: int) -> list[Mapping[str, Tensor]]:
    """The weights before the first and after each round: a run of r rounds is the beginning of a longer one."""
    runs: list[Run] = [go(algorithm, training(rounds=number)) for number in range(1, rounds + 1)]
    return [runs[0].task.trainable(), *(run.trained for run in runs)]


def mean_change(algorithm: FedOpt, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What the clients changed, as a mean, in each of two rounds."""
    seen = []
    move = type(algorithm).move

    def spy(self: FedOpt, change: Tensor, slots: Any) -> Tensor:
        seen.append(change.clone())
        return move(self, change, slots)

    monkeypatch.setattr(type(algorithm), "move", spy)
    names = list(go(algorithm, training(rounds=2)).trained)
    position = names.index(NAME)
    return [seen[position], seen[position + len(names)]]


def test_a_server_step_of_one_without_momentum_is_fedavg() -> None:
    assert largest_difference(go(FedAvgM(momentum=0.0)).trained, go(FedAvg()).trained) < 1e-6


def test_the_first_change_is_that_of_fedavg(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = states(FedAvg(), 1)
    first, _ = mean_change(FedAvgM(), monkeypatch)
    torch.testing.assert_close(first, after[NAME] - before[NAME])


def test_momentum_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = FedAvgM(momentum=0.5, server_learning_rate=0.8)
    start, _, end = states(algorithm, 2)
    first, second = mean_change(algorithm, monkeypatch)
    expected = start[NAME] + 0.8 * first + 0.8 * (0.5 * first + second)
    torch.testing.assert_close(end[NAME], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", [FedAdam, FedYogi])
def test_adaptive_steps_by_hand(kind: type[FedAdam], monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = kind(server_learning_rate=0.02, beta1=0.9, beta2=0.99, tau=0.001)
    start, _, end = states(algorithm, 2)
    mean, square, expected = torch.zeros_like(start[NAME]), torch.full_like(start[NAME], 1e-6), start[NAME].clone()
    for change in mean_change(algorithm, monkeypatch):
        mean = 0.9 * mean + 0.1 * change
        if kind is FedAdam:
            square = 0.99 * square + 0.01 * change**2
        else:
            square = square - 0.01 * change**2 * torch.sign(square - change**2)
        expected += 0.02 * mean / (square.sqrt() + 0.001)
    torch.testing.assert_close(end[NAME], expected, rtol=1e-4, atol=1e-6)


def test_the_server_pays_for_its_step() -> None:
    steps = go(FedAdam(), training(rounds=1)).works(work="server_step")
    model_bytes = sum(tensor.numel() * 4 for tensor in go(FedAdam(), training(rounds=1)).trained.values())
    assert [row.bytes_touched for row in steps] == [7 * model_bytes]
    assert steps[0].site == "server"
