"""The predicted seconds of a measured row: stages, batch and price as in a simulation whose attention is the row's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import nn

from simulator.accounting.costs import Cost
from simulator.experiments.evidence.rows import Row, read_rows
from simulator.experiments.trial.hardware import hardware_of
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build
from simulator.learning.models.lazy import LazyModel
from simulator.learning.models.lora import Lora
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.stages import NotStagedError
from simulator.learning.models.text.build import build_text
from simulator.learning.models.text.presets import PRESETS
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import OBJECTIVES, Objective
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.hardware import entries
from simulator.scenario.sites import DeviceSettings
from simulator.settings.errors import UnfitError
from simulator.world.hardware import Hardware

CLASSES, TEXT_CLASSES = 1000, 20
"""Of the published measurements of timm's models, and of those of language models (20 Newsgroups)."""
TEXT_ARCHITECTURES = {"bert": "BERT", "roberta": "BERT", "gpt2": "GPT2", "llama": "Llama"}
"""What is one architecture, by the family of a language model."""
USUAL = ("{name}_patch16_{size}", "{name}_patch4_window7_{size}", "{name}_{size}")
"""What a model's short name stands for: the first of these that timm knows."""


def full_name(name: str, size: int) -> str:
    """Return timm's name of a model that a row calls by a short one, such as ``vit_tiny``."""
    import timm  # late, for it takes seconds

    written_out = (form.format(name=name, size=size) for form in USUAL)
    return name if timm.is_model(name) else next(filter(timm.is_model, written_out), name)


@cache
def architecture(name: str, size: int) -> str:
    """Return the architecture of a model: the name of its class, so that a DeiT is a VisionTransformer.

    Returns:
        The name; empty if neither timm has such a model nor the language models here.
    """
    if name in PRESETS:
        return TEXT_ARCHITECTURES[PRESETS[name].config.family]
    import timm

    name = full_name(name, size)
    with torch.device("meta"):
        return type(timm.create_model(name, pretrained=False)).__name__ if timm.is_model(name) else ""


@cache
def cost(model: str, task: str, train: str | None, batch_size: int, size: int, attention: str) -> Cost | None:
    """Return what a batch costs; None if the model cannot be cut into stages.

    Args:
        model: the model, as a row names it.
        task: ``training`` or ``inference``.
        train: what is trained.
        batch_size: samples in the batch.
        size: height and width of the images, in pixels; of a language model, the tokens of a text.
        attention: ``fused`` or ``math``.
    """
    adaptation = replace(Adaptation.named(train or "full", Prompts(), Lora()), tied=True)
    try:
        built, objective, batch = (
            _text(model, batch_size, size) if model in PRESETS else _vision(model, batch_size, size)
        )
        tensors, staged = adapted(built, adaptation, attention)
    except (NotStagedError, UnfitError):
        return None
    staged.objective = objective
    part = Part(staged, Weights(tensors, Sgd.model_validate({})), staged.whole)
    return part.train_step.cost(batch) if task == "training" else part.infer.cost(batch)


def _vision(name: str, batch_size: int, size: int) -> tuple[nn.Module | LazyModel, Objective, torch.Tensor]:
    """Return a model of timm without weights, what it is trained for, and a batch of images."""
    built = build(full_name(name, size), size, CLASSES, seed=0, pretrained=False, dry=True)
    return built.model, OBJECTIVES["classification"], torch.empty(batch_size, 3, size, size, device="meta")


def _text(name: str, batch_size: int, length: int) -> tuple[nn.Module, Objective, torch.Tensor]:
    """Return a language model without weights, what it is trained for, and a batch of texts without padding.

    An encoder is a classifier; a decoder predicts the next token.
    """
    classes = None if PRESETS[name].config.is_decoder else TEXT_CLASSES
    model = build_text(name, length, classes, pretrained=False, dry=True)
    objective = OBJECTIVES["next_token" if classes is None else "classification"]
    return model, objective, torch.empty(batch_size, length, dtype=torch.int64, device="meta")


def cost_of(row: Row) -> Cost | None:
    """Return what the batch of a row costs; None if its model is not modelled."""
    attention = row.attention or usual_attention(row.device, row.precision)
    return cost(row.model, row.task, row.train, row.batch_size, row.image_size_or_length, attention)


@cache
def usual_attention(device: str, precision: str) -> str:
    """Return how attention was computed where a device's figures were fitted; ``fused`` where none were."""
    known = {row.attention for row in read_rows() if row.fitted and (row.device, row.precision) == (device, precision)}
    return known.pop() or "fused" if len(known) == 1 else "fused"


def device(name: str, precision: str) -> Hardware | None:
    """Return a device of the catalogue; None if it has no rate at this precision."""
    known = entries()["devices"][name].get("rate", {})
    if precision not in known:
        return None
    settings = DeviceSettings.model_validate({"name": name, "precision": precision})
    return hardware_of(settings)


def predicted(row: Row) -> float | None:
    """Return the predicted seconds of a row; None if its model, or its device at this precision, is not modelled."""
    found, hardware = cost_of(row), device(row.device, row.precision)
    return None if found is None or hardware is None else hardware.seconds(found)
