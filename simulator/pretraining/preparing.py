"""What a training needs before its first step: where to compute, the data, the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from timm.models.vision_transformer import VisionTransformer

from simulator.learning.data.images import Images, Statistics
from simulator.learning.models.build import Built, build
from simulator.learning.models.stages import NotStagedError
from simulator.learning.models.stages.base import refuse_dropout
from simulator.settings.errors import located
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.data.datasets.base import Raw, Samples
    from simulator.pretraining.settings import Pretraining


def chosen_device(settings: Pretraining) -> str:
    """``cuda`` or ``cpu``.

    Raises:
        ScenarioError: there is no such device here.
    """
    there = torch.cuda.is_available()
    if settings.torch_device == "cuda" and not there:
        problem = "torch finds no CUDA GPU on this machine"
        raise settings.error(("torch_device",), "cuda", problem, "auto or cpu")
    return "cuda" if there and settings.torch_device != "cpu" else "cpu"


def read(settings: Pretraining) -> Raw:
    """The data: labels now, pixels when they are asked for.

    Raises:
        ScenarioError: they cannot be used; the message names the line.
    """
    with located(settings, "data"):
        return settings.data.load().check()


def decoded(samples: Samples, statistics: Statistics, settings: Pretraining, device: str) -> Images:
    """The images of one part, in memory.

    Raises:
        ScenarioError: one cannot be read.
    """
    size = settings.model.image_size
    with located(settings, "data"):
        pixels = torch.from_numpy(samples.pixels(size))
    images = Images(pixels, torch.from_numpy(samples.labels), statistics, size=size)
    return images.to(torch.device(device))


def built(settings: Pretraining, classes: int) -> Built:
    """The model with the weights it starts from.

    Raises:
        ScenarioError: there is no such model, or it draws random numbers while it is trained, by which an interrupted
            training would not be what it would have been.
    """
    model, seed = settings.model, Seeds(settings.seed).integer("weights")
    try:
        with located(settings, "model"):
            found = build(
                model.name,
                model.image_size,
                classes,
                seed,
                model.pretrained,
                weights=model.weights,
                keywords=model.keywords,
            )
        refuse_dropout(found.model)
    except NotStagedError as error:
        raise settings.error(("model", "name"), model.name, str(error)) from error
    if settings.drop_tokens and not isinstance(found.model, VisionTransformer):
        problem = f"{model.name} has no tokens to drop"
        raise settings.error(("drop_tokens",), None, problem, "null, or a VisionTransformer as the model")
    return found
