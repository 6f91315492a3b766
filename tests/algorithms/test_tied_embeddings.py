"""The embedding of words as the language-model head: what algorithms send of it, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.trial.build import make_task
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario
from simulator.settings.seeds import Seeds

VOCABULARY, WIDTH, POSITIONS, MLP, BLOCKS = 50, 16, 12, 24, 2
EMBEDDING = VOCABULARY * WIDTH
BLOCK = 4 * (WIDTH**2 + WIDTH) + 2 * WIDTH * MLP + MLP + WIDTH + 4 * WIDTH
REST = POSITIONS * WIDTH + BLOCKS * BLOCK + 2 * WIDTH
"""The parameters of all but the embedding of words: positions, blocks and the final norm."""
CLIENTS = 2


def scenario(**algorithm: Any) -> Scenario:
    shape = {"vocabulary": VOCABULARY, "width": WIDTH, "positions": POSITIONS, "mlp": MLP, "blocks": BLOCKS, "heads": 2}
    return Scenario.model_validate(
        {
            "name": "tied",
            "world": {
                "provisioning": "preinstalled",
                "devices": [{"name": "h100", "count": CLIENTS}],
                "server": {"name": "h100"},
            },
            "model": {"name": "gpt2", "length": 8, "pretrained": False, "keywords": shape},
            "data": {"name": "synthetic_text", "samples": 8, "test_samples": 4, "classes": 2, "task": "next_token"},
            "training": {
                "rounds": 1,
                "clients_per_round": CLIENTS,
                "batch_size": 4,
                "optimizer": {"name": "sgd", "learning_rate": 0.01},
            },
            "algorithms": [{"training": {"train": "full"}, **algorithm}],
        }
    )


def result(dry: bool, **algorithm: Any) -> TrialResult:
    settings = scenario(**algorithm)
    return run(settings, settings.algorithms[0], seed=0, dry=dry)


def sent(found: TrialResult, kind: str = "model") -> int:
    """Return the bytes of this kind that one device has received."""
    return sum(row.bytes for row in found.ledger.transfers if row.kind == kind and row.source == "server") // CLIENTS


@pytest.mark.parametrize("name", ["fedavg", "local"])
def test_uncut_it_is_sent_once(name: str) -> None:
    assert sent(result(True, name=name)) == 4 * (EMBEDDING + REST)


def test_head_and_tail_of_a_cut_have_one_each() -> None:
    found = result(True, name="splitfed", head=1, tail=0)
    assert sent(found) == 4 * (2 * EMBEDDING + POSITIONS * WIDTH + BLOCK + 2 * WIDTH)


def test_with_adapters_no_embedding_is_sent() -> None:
    adapters = BLOCKS * 2 * 2 * WIDTH * 4  # in each block q and v, of rank 4
    assert sent(result(True, name="fedlora")) == 4 * adapters


@pytest.mark.parametrize("algorithm", [{"name": "fedavg"}, {"name": "splitfed", "head": 1, "tail": 0}])
def test_dry_is_as_real(algorithm: dict[str, Any]) -> None:
    dry, real = (result(dry, **algorithm) for dry in (True, False))
    assert [tuple(row) for row in dry.ledger.transfers] == [tuple(row) for row in real.ledger.transfers]
    assert dry.peak_client_memory_bytes == real.peak_client_memory_bytes


def test_a_device_keeps_it_once() -> None:
    """Beside the same passes: weights and gradients of the embedding, which the head does not have a second time."""
    settings = scenario(name="fedavg")
    apart = settings.model_copy(
        update={"model": settings.model.model_copy(update={"keywords": {**settings.model.keywords, "tied": False}})}
    )
    peaks = [run(one, one.algorithms[0], seed=0, dry=True).peak_client_memory_bytes for one in (apart, settings)]
    assert peaks[0] - peaks[1] == 2 * 4 * EMBEDDING


def test_an_algorithm_that_cuts_without_saying_so_is_told() -> None:
    settings = scenario(name="fedavg")
    task = make_task(settings, settings.algorithms[0], Seeds(0), dry=True)
    with pytest.raises(RuntimeError, match="cuts_model = True"):
        task.cut(1, 0)
