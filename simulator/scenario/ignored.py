"""Training settings that an algorithm does not use: refused in its own entry, and reported where they are shared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulator.learning.settings import TrainingSettings

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm


def in_vain(
    name: str, algorithm: Algorithm, training: TrainingSettings, common: TrainingSettings
) -> Iterator[tuple[str, str, str | None]]:
    """Yield the training settings of an entry that its algorithm does not use, as (key, problem, what is allowed).

    Settings that are equal to the scenario's are left out: other algorithms may use these.

    Args:
        name: the name of the algorithm.
        algorithm: the algorithm.
        training: the entry's training, with what it overrides.
        common: the scenario's training.
    """
    for key in dict.fromkeys((*algorithm.ignores, "lora")):
        if getattr(training, key) == getattr(common, key):
            continue  # the scenario's value, for the algorithms that use it
        if key in type(algorithm).model_fields:
            yield key, f"{name} has a key of its own for it: write {key} beside its name", None
            continue
        adapters = algorithm.adapt(training).lora is not None  # only here, because it loads torch
        if key != "lora":
            always = "it always trains LoRA adapters and the classifier"
            reason = always if adapters else "its own keys say what it trains"
            yield key, f"{name} does not use it: {reason}", None
        elif not adapters:
            with_train = "" if "train" in algorithm.ignores else f" with train: {training.train}"
            allowed = "another algorithm" if not with_train else "train: lora beside it"
            yield key, f"{name}{with_train} has no adapters, so nothing would use it", allowed


def not_looked_at(algorithm: Algorithm, training: TrainingSettings) -> list[str]:
    """Return a sentence for each setting of an entry's training that the algorithm does not use.

    Settings at their defaults are left out, because no one expects an effect of them; it does not matter where the
    others were given. Each sentence continues from the label of the entry.
    """
    sentences = []
    for key in (*algorithm.ignores, *algorithm.ignores_in_part):
        value, field = getattr(training, key), TrainingSettings.model_fields[key]
        if value == field.get_default(call_default_factory=True):
            continue
        value_text = _written(value)
        if key in algorithm.ignores_in_part:
            sentences.append(f"does not use training.{key}, which is {value_text}, {algorithm.ignores_in_part[key]}")
        elif key in type(algorithm).model_fields:
            own_text = _written(getattr(algorithm, key))
            sentences.append(f"does not use training.{key}, which is {value_text}: its own {key} is {own_text}")
        else:
            sentences.append(f"does not use training.{key}, which is {value_text}")
    return sentences


def _written(value: Any) -> str:
    """Return a setting on one line, without quotation marks."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    return json.dumps(plain).replace('"', "")
