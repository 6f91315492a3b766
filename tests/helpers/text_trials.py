"""Scenarios of tiny language models on synthetic texts, which take a moment to run."""

from __future__ import annotations

from typing import Any

from simulator.scenario.scenario import Scenario, load
from tests.helpers.small_trials import ENTRIES

TINY: dict[str, Any] = {"width": 16, "blocks": 4, "heads": 2, "mlp": 32, "vocabulary": 40, "positions": 24}
MODELS: dict[str, dict[str, Any]] = {
    "gpt2": TINY,
    "bert-base-uncased": TINY | {"separator": 39},
    "llama-3.2-1b": TINY | {"kv_heads": 1, "theta": 100.0},
}


def text_scenario(
    label: str, model: str = "gpt2", task: str = "classification", padding: str = "length", **changes: Any
) -> Scenario:
    """A scenario of one of ``small_trials``' entries with a tiny language model.

    Args:
        label: which entry.
        model: the family, by a model of it.
        task: what is learned.
        padding: what texts are padded to.
        changes: other keys of the scenario.
    """
    data = {"name": "synthetic_text", "samples": 36, "test_samples": 12, "task": task, "words": [4, 12]}
    return load(
        {
            "name": "texts",
            "world": {"devices": [{"name": "jetson-orin-nano", "count": 3}], "server": {"name": "rtx-4090"}},
            "model": {"name": model, "length": 12, "padding": padding, "pretrained": False, "keywords": MODELS[model]},
            "data": data,
            "training": {
                "rounds": 1,
                "clients_per_round": 2,
                "batch_size": 4,
                "optimizer": {"name": "sgd", "learning_rate": 0.05},
            },
            "algorithms": [ENTRIES[label]],
            **changes,
        }
    )
