"""What a model costs a device, by stage and by cut. From shapes alone, on ``meta``, without weights.

Every figure is the simulator's own: the code that counts FLOPs, bytes and memory in a trial counts them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from simulator.accounting.payload import tree_bytes
from simulator.experiments.plan.sheet_counts import Counted, parameters
from simulator.experiments.plan.sheet_rows import Cut, Sheet, Stage
from simulator.experiments.plan.sheet_tables import tables
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build
from simulator.learning.models.lazy import LazyModel
from simulator.learning.models.lora import Lora
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.stages import TRAINED
from simulator.learning.models.text.build import build_text, config_of, is_text
from simulator.learning.models.text.config import changed
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import OBJECTIVES
from simulator.learning.optimizers.sgd import Sgd
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

__all__ = ["Cut", "Sheet", "Stage", "sheet", "tables"]

OWN_SIZE = 32
"""Height and width of the bundled model's images, in pixels."""
USUAL_LENGTH = 128
"""Tokens of a text, where a model can take as many."""
USUAL_CLASSES = 10
TASKS = ("classification", "next_token")
TAILS = (0, 1)
"""Numbers of blocks in the tail for which cuts are shown."""


class _Built(NamedTuple):
    """A model that was built, and the setting that it was built for.

    Attributes:
        model: the model on ``meta``.
        shape: the shape of a sample.
        image_size, classes, length, task: as of a ``Sheet``.
    """

    model: nn.Module | LazyModel
    shape: tuple[int, ...]
    image_size: int | None
    classes: int | None
    length: int | None
    task: str


def sheet(
    name: str,
    image_size: int | None = None,
    classes: int | None = None,
    train: str = "full",
    batch_size: int = 32,
    keywords: Mapping[str, Any] | None = None,
    length: int | None = None,
    task: str | None = None,
) -> Sheet:
    """Count what a model costs, by stage and by cut.

    Args:
        name: the model, as a scenario names it.
        image_size: height and width of the images, in pixels; None: the model's own. Not for language models.
        classes: number of classes; None: 10.
        train: what is trained: full, linear, bias, prompt or lora (of rank 4, on q and v).
        batch_size: samples in the batch for which memory is counted.
        keywords: keywords for timm, or fields of a language model's configuration, as in a scenario.
        length: tokens of a text; None: 128, or the most that the model takes. For language models alone.
        task: classification or next_token; None: next_token for a decoder if no classes are given. For language models
            alone.

    Raises:
        UnfitError: there is no such model, it cannot have this size, length, task or these keywords, or ``train`` is
            unknown.
        NotStagedError: the model cannot be cut, or has no tokens for prompts.
    """
    if train not in TRAINED:
        raise UnfitError("train", None, f'"{train}" is not a way to train{near_miss(train, TRAINED)}', listed(TRAINED))
    adaptation, keywords = Adaptation.named(train, Prompts(), Lora()), dict(keywords or {})
    if is_text(name):
        _refuse("image_size", image_size, f"{name} takes texts, which have a length and no image size")
        prompts = adaptation.prompts.length if adaptation.prompts else 0
        built = _text(name, length, task, classes, keywords, prompts)
    else:
        _refuse("length", length, f"{name} takes images, which have an image size and no length")
        _refuse("task", task, f"{name} takes images, whose classes it tells apart: it has no other task")
        built = _vision(name, image_size, classes, keywords)
    tensors, model = adapted(built.model, adaptation)
    whole_tensors, uncut = adapted(built.model, replace(adaptation, tied=True))
    model.objective = OBJECTIVES[built.task]
    counted = Counted(model, Weights(tensors, Sgd.model_validate({})), (batch_size, *built.shape))
    stages = [counted.stage(at, at + 1, stage) for at, stage in enumerate(model.names)]
    cuts = [counted.cut(head, tail) for tail in TAILS for head in range(len(model.blocks) - tail)]
    held, trainable = parameters(uncut, 0, len(uncut))
    return Sheet(
        name,
        built.image_size,
        built.classes,
        train,
        batch_size,
        keywords,
        replace(counted.stage(0, len(model), "whole"), parameters=held, trainable=trainable),
        tuple(stages),
        tuple(cuts),
        built.length,
        built.task,
        tree_bytes([tensors[shared] for shared in uncut.ties]),
        counted.peak_uncut(Part(uncut, Weights(whole_tensors, Sgd.model_validate({})), uncut.whole)),
    )


def _refuse(key: str, value: Any, problem: str) -> None:
    """Refuse a value that is given for what a model does not have."""
    if value is not None:
        raise UnfitError(key, value, problem)


def _vision(name: str, image_size: int | None, classes: int | None, keywords: Mapping[str, Any]) -> _Built:
    size, classes = image_size or _own_size(name), classes or USUAL_CLASSES
    model = build(name, size, classes, seed=0, pretrained=False, dry=True, keywords=keywords).model
    return _Built(model, (3, size, size), size, classes, None, "classification")


def _text(
    name: str, length: int | None, task: str | None, classes: int | None, keywords: Mapping[str, Any], prompts: int
) -> _Built:
    config = changed(name, config_of(name), keywords)
    task = task or ("next_token" if config.is_decoder and classes is None else "classification")
    if task not in TASKS:
        raise UnfitError("task", None, f'"{task}" is not a task of a model{near_miss(task, TASKS)}', listed(TASKS))
    if task == "next_token":
        _refuse("classes", classes, "a model that predicts the next token has no classes")
    else:
        classes = classes or USUAL_CLASSES
    length = length or max(1, min(USUAL_LENGTH, config.positions - prompts))
    model = build_text(name, length, classes, pretrained=False, dry=True, keywords=keywords)
    return _Built(model, (length,), None, classes, length, task)


def _own_size(name: str) -> int:
    """Return the image height and width, in pixels, for which a model was made."""
    import timm  # late, for it takes seconds

    config = timm.get_pretrained_cfg(name) if timm.models.is_model(name) else None
    return int(config.input_size[-1]) if config else OWN_SIZE
