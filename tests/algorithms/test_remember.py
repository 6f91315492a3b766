"""What frozen stages compute is remembered: the same ledger, the same digits, less work for the machine."""

from typing import Any

import pytest
import torch

from simulator.algorithms.base import Algorithm
from simulator.algorithms.centralized import Centralized
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.splitfed import SplitFed
from simulator.learning.data import lazy as rows
from tests.helpers.caches import forget
from tests.helpers.learners import SAMPLES, Run, go, training
from tests.helpers.models import vit

CASES: dict[str, tuple[Algorithm, dict[str, Any]]] = {
    "fl linear": (FedAvg(), {"train": "linear"}),
    "fl linear fp16": (FedAvg(), {"train": "linear", "wire_dtype": "fp16"}),
    "sfl linear": (SplitFed(), {"train": "linear"}),
    "sfl linear fp16": (SplitFed(), {"train": "linear", "wire_dtype": "fp16"}),
    "sfl linear, labels sent": (SplitFed(labels="sent"), {"train": "linear"}),
    "sfprompt": (SFPrompt(local_epochs=2), {}),
    "centralized linear": (Centralized(), {"train": "linear"}),
}


class Counter:
    """FLOPs that were really computed by frozen stages of rows, counted where they are computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.samples = 0
        compute = rows.CachedFeatures._compute

        def watched(derived: Any, index: Any) -> Any:
            if derived.flops:
                self.samples += len(index)
            return compute(derived, index)

        monkeypatch.setattr(rows.CachedFeatures, "_compute", watched)


def both(case: str) -> tuple[Run, Run]:
    algorithm, settings = CASES[case]
    runs = []
    for remember in (True, False):
        forget()
        settings = {"rounds": 2, "local_epochs": 2, **settings}
        runs.append(go(algorithm, training(**settings), remember=remember, model=lambda: vit(embed_dim=32)))
    return runs[0], runs[1]


@pytest.mark.parametrize("case", CASES)
def test_the_same_ledger_and_the_same_weights(case: str) -> None:
    """Equal but for rounding: some processors round a row's product by how many rows are computed at once."""
    with_memory, without = both(case)
    assert with_memory.world.ledger == without.world.ledger
    torch.testing.assert_close(dict(with_memory.trained), dict(without.trained), rtol=1e-5, atol=1e-6)
    scores = [run.task.evaluate([run.trained]) for run in (with_memory, without)]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0].accuracy == scores[1].accuracy
    assert scores[0].loss == pytest.approx(scores[1].loss, rel=1e-5)


@pytest.mark.parametrize(
    ("case", "prefixes"),
    [
        ("fl linear", 1),
        ("sfl linear", 3),  # head, body, tail: one after the other
        ("sfl linear, labels sent", 2),
        ("sfprompt", 2),  # the embedding, of the head and of the short cut
    ],
)
def test_each_sample_is_computed_once(case: str, prefixes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter(monkeypatch)
    algorithm, settings = CASES[case]
    settings = {"rounds": 3, "local_epochs": 2, "clients_per_round": 4, **settings}
    patch = 16 if case == "sfprompt" else 4  # an embedding that is worth remembering
    run = go(algorithm, training(**settings), model=lambda: vit(embed_dim=32, patch_size=patch))
    assert 0 < counter.samples <= prefixes * 4 * SAMPLES
    seen = sum(1 for row in run.works() if row.work in ("train_step", "forward"))
    assert seen > 4 * 3 * 2, "far more passes than look-ups"
