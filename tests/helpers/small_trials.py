"""Algorithm entries of every kind, a scenario of digits that takes a moment to run, and its trials."""

from pathlib import Path
from typing import Any

import yaml

from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.learning.models.build import Built
from simulator.scenario.scenario import Scenario, load
from tests.helpers.caches import forget
from tests.helpers.models import vit

ENTRIES: dict[str, dict[str, Any]] = {
    "fl": {"name": "fedavg"},
    "fl-epochs": {"name": "fedavg", "training": {"local_epochs": 2, "wire_dtype": "fp16"}},
    "fl-linear": {"name": "fedavg", "training": {"train": "linear", "optimizer": {"name": "adamw"}}},
    "fl-bias": {"name": "fedavg", "training": {"train": "bias"}},
    "fl-prompt": {"name": "fedavg", "training": {"train": "prompt", "prompts": {"length": 2, "place": "end"}}},
    "v1": {"name": "splitfed"},
    "v1-sent": {"name": "splitfed", "labels": "sent", "training": {"wire_dtype": "bf16"}},
    "v1-linear": {"name": "splitfed", "training": {"train": "linear", "wire_dtype": "fp16"}},
    "v1-linear-sent": {"name": "splitfed", "labels": "sent", "training": {"train": "linear"}},
    "v1-prompt": {"name": "splitfed", "training": {"train": "prompt"}},
    "v1-cut": {"name": "splitfed", "head": 0, "tail": 0, "training": {"train": "bias"}},
    "v1-fastest": {"name": "splitfed", "cut": {"name": "fastest"}},
    "v2": {"name": "splitfed", "version": "v2"},
    "v2-exclusive": {"name": "splitfed", "version": "v2", "body": "exclusive", "head": 2, "tail": 1},
    "v2-sent": {"name": "splitfed", "version": "v2", "labels": "sent"},
    "v2-in-order": {"name": "splitfed", "version": "v2", "body": "exclusive", "order": "random"},
    "v2-linear": {"name": "splitfed", "version": "v2", "training": {"train": "linear"}},
    "sfp": {"name": "sfprompt"},
    "sfp-easiest": {"name": "sfprompt", "keep": "easiest", "keep_fraction": 0.3, "prune": "once", "local_epochs": 2},
    "sfp-random": {"name": "sfprompt", "keep": "random", "split_epochs": 2, "training": {"wire_dtype": "fp16"}},
    "sfp-all": {
        "name": "sfprompt",
        "keep_fraction": 1.0,
        "prompts": {"length": 1, "place": "end"},
        "head": 0,
        "tail": 2,
    },
    "sfp-no-local": {"name": "sfprompt", "local_epochs": 0, "head": 0, "tail": 0, "keep": "random"},
    "sfp-no-split": {"name": "sfprompt", "split_epochs": 0, "local_learning_rate": 0.1},
    "prox": {"name": "fedprox"},
    "momentum": {"name": "fedavgm"},
    "adam": {"name": "fedadam"},
    "yogi": {"name": "fedyogi"},
    "in-turn": {"name": "split_learning"},
    "in-turn-sent": {"name": "split_learning", "labels": "sent"},
    "alone": {"name": "local"},
    "fl-lora": {"name": "fedlora", "training": {"lora": {"rank": 2, "dropout": 0.1}}},
    "fl-stacked": {"name": "flora", "training": {"lora": {"rank": 2, "targets": ["v", "fc1"]}}},
    "v2-lora": {"name": "splitlora", "steps": 2, "training": {"lora": {"rank": 2}, "wire_dtype": "fp16"}},
    "flexp": {"name": "flexp_sfl", "alignment": "distillation", "training": {"train": "bias"}},
    "flexp-movement": {"name": "flexp_sfl", "head": 0, "tail": 2, "alignment": "projection"},
    "frozen": {"name": "splitfrozen", "training": {"lora": {"rank": 2}}},
    "frozen-plain": {"name": "splitfrozen", "pipeline": False, "cache": True, "training": {"local_epochs": 2}},
    "frozen-decomposed": {"name": "splitfrozen", "backward": "decomposed", "room": 1},
    "ditto": {"name": "ditto", "personal_epochs": 2, "training": {"wire_dtype": "fp16"}},
    "pfedme": {"name": "pfedme", "inner_steps": 2, "training": {"train": "bias"}},
    "psl": {"name": "epsl", "phi": 0.0, "head": 2, "training": {"wire_dtype": "fp16"}},
    "epsl": {
        "name": "epsl",
        "phi": 0.3,
        "training": {"local_epochs": 2, "compression": {"aggregated gradient": {"name": "int8"}}},
    },
    "epsl-all": {"name": "epsl", "phi": 1.0, "training": {"train": "prompt"}},
    "sfpl": {"name": "sfpl", "training": {"wire_dtype": "bf16"}},
    "sfpl-linear": {"name": "sfpl", "head": 0, "training": {"train": "linear", "local_epochs": 2}},
    "centralized": {"name": "centralized", "training": {"local_epochs": 2}},
    "fl-top-k": {
        "name": "fedavg",
        "training": {"compression": {"model up": {"name": "top_k", "of": "change"}, "model down": {"name": "cos_sgd"}}},
    },
    "v1-fedlite": {
        "name": "splitfed",
        "training": {"compression": {"smashed data": {"name": "product_quantisation", "correction": 1e-6}}},
    },
    "sfp-int8": {
        "name": "sfprompt",
        "training": {
            "compression": {
                "smashed data": {"name": "int8"},
                "features": {"name": "fp16"},
                "frozen weights": {"name": "fp16"},
            },
            "wire_dtype": "bf16",
        },
    },
}
PERSONAL = (
    *("personal_accuracy", "personal_accuracy_worst_decile"),
    *("personal_accuracy_participants", "personal_accuracy_participants_worst_decile"),
)
LEARNED = ("final_accuracy", "best_accuracy", "final_loss", "time_to_target_s", "wall_time_s", *PERSONAL[:2])
"""The columns of a trial's summary that those of a dry one lack or cannot share."""


def scenario(folder: Path, labels: list[str], **changes: Any) -> Scenario:
    """Return a scenario of a hundred devices with fourteen digits each, and a model of five tokens.

    Args:
        folder: the folder for its file.
        labels: the labels of its entries, from `ENTRIES`.
        changes: by key of the scenario, a new value, or a mapping that is merged into the old one.
    """
    data: dict[str, Any] = {
        "name": "small",
        "seeds": [0],
        "world": {
            "devices": [
                {"name": "raspberry-pi-4", "count": 60},
                {"name": "jetson-nano", "count": 40, "uplink": "lte", "memory_bandwidth": "1 GB/s"},
            ],
            "server": {"name": "rtx-4090", "slots": 2, "rate": {"fp32": "1 GFLOP/s"}},
        },
        "model": {"name": "random", "image_size": 8},
        "data": {"name": "digits"},
        "training": {
            "rounds": 2,
            "clients_per_round": 2,
            "batch_size": 8,
            "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        },
        "evaluation": {"samples": 20},
        "algorithms": [{"label": label, **ENTRIES[label]} for label in labels],
    }
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(data))
    return load(file)


def four_blocks(name: str, image_size: int, classes: int, seed: int, pretrained: bool, dry: bool, *_: Any) -> Built:
    """Build a small model in place of the one that a scenario names: quick, with four blocks to cut between."""
    model = vit(seed % 2**31, img_size=image_size, patch_size=4, depth=4, num_classes=classes)
    return Built(model.to("meta") if dry else model, ((0.5,) * 3, (0.5,) * 3))


def outcomes(small: Scenario, dry: bool, seed: int = 0) -> dict[str, TrialResult]:
    """Run all trials of a scenario, with empty caches, and return their results by label.

    Args:
        small: the scenario.
        dry: whether the trials are dry.
        seed: their seed.
    """
    forget()
    return {entry.label: run(small, entry, seed, dry) for entry in small.algorithms}
