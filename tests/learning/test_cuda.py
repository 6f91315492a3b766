"""On a GPU: the same charges, and learned figures as near as its arithmetic allows."""

import pytest
import torch

from simulator.algorithms.base import Algorithm
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.splitfed import SplitFed
from tests.helpers.learners import go, largest_difference, training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU on this machine")


@pytest.mark.parametrize(
    ("algorithm", "train"),
    [
        (FedAvg(), "full"),
        (FedAvg(), "linear"),
        (SplitFed(), "full"),
        (SplitFed(version="v2", labels="sent"), "full"),
        (SplitFed(), "linear"),
        (SFPrompt(), "full"),
        (SFPrompt(keep="random"), "full"),
    ],
    ids=str,
)
def test_the_ledger_of_a_gpu_is_that_of_a_cpu(algorithm: Algorithm, train: str) -> None:
    cpu, gpu = (go(algorithm, training(train), device=device) for device in ("cpu", "cuda"))
    assert cpu.world.ledger == gpu.world.ledger
    trained = {name: tensor.cpu() for name, tensor in gpu.trained.items()}
    assert all(tensor.is_cuda for tensor in gpu.trained.values())
    assert largest_difference(cpu.trained, trained) < 1e-3


def test_evaluation_on_a_gpu() -> None:
    run = go(FedAvg(), device="cuda")
    score = run.task.evaluate([run.trained])
    assert score is not None
    assert 0 <= score.accuracy <= 1


def test_a_smaller_wire_on_a_gpu() -> None:
    run = go(SplitFed(), training("linear", wire_dtype="fp16"), device="cuda")
    assert run.transfers(kind="smashed data")
