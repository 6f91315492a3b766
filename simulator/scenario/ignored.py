"""Settings of training that an algorithm does not look at: refused where an entry says them, told where others do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.learning.settings import TrainingSettings

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm


def in_vain(
    name: str, algorithm: Algorithm, training: TrainingSettings, common: TrainingSettings
) -> Iterator[tuple[str, str, str | None]]:
    """Yield what an entry says of training and its algorithm does not look at: (key, problem, what is allowed).

    Args:
        name: of the algorithm.
        training: the entry's, with what it overrides.
        common: the scenario's.
    """
    for key in dict.fromkeys((*algorithm.ignores, "lora")):
        if getattr(training, key) == getattr(common, key):
            continue  # the scenario's, for those who look at it
        if key in type(algorithm).model_fields:
            yield key, f"{name} has a key of its own for it: write {key} beside its name", None
            continue
        adapters = algorithm.adapt(training).lora is not None  # asked only here, for it loads torch
        if key != "lora":
            what = "LoRA adapters and the classifier" if adapters else "what keys of its own say"
            yield key, f"{name} does not look at it: it always trains {what}", None
        elif not adapters:
            with_train = "" if "train" in algorithm.ignores else f" with train: {training.train}"
            allowed = "another algorithm" if not with_train else "train: lora beside it"
            yield key, f"{name}{with_train} has no adapters, so nothing would look at it", allowed


def not_looked_at(algorithm: Algorithm, training: TrainingSettings) -> list[str]:
    """Return what an algorithm does not look at of an entry's training, wherever that was said, a sentence each.

    Only what is not at its default: nobody expects anything of the rest. Each sentence goes on from the entry's label.
    """
    found = []
    for key in (*algorithm.ignores, *algorithm.ignores_in_part):
        value, field = getattr(training, key), TrainingSettings.model_fields[key]
        if value == field.get_default(call_default_factory=True):
            continue
        said = json.dumps(value.model_dump(mode="json") if hasattr(value, "model_dump") else value).replace('"', "")
        if key in algorithm.ignores_in_part:
            found.append(f"does not look at training.{key}, which is {said}, {algorithm.ignores_in_part[key]}")
        elif key in type(algorithm).model_fields:
            own = getattr(algorithm, key)
            own = json.dumps(own.model_dump(mode="json") if hasattr(own, "model_dump") else own).replace('"', "")
            found.append(f"does not look at training.{key}, which is {said}: its own {key} is {own}")
        else:
            found.append(f"does not look at training.{key}, which is {said}")
    return found
