"""Prepare what a training needs before its first step: the device, the data and the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from timm.models.vision_transformer import VisionTransformer

from simulator.learning.data.datasets.base import Samples
from simulator.learning.data.images import Images, Statistics
from simulator.learning.models.build import Built, build
from simulator.learning.models.stages import NotStagedError
from simulator.learning.models.stages.base import refuse_dropout
from simulator.learning.models.text.build import is_text
from simulator.settings.errors import UnfitError, located
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.data.datasets.base import Raw
    from simulator.learning.data.datasets.texts import Texts
    from simulator.pretraining.settings import Pretraining


def chosen_device(settings: Pretraining) -> str:
    """Return the torch device to train on: ``cuda`` or ``cpu``.

    Raises:
        ScenarioError: the settings ask for a GPU, and this machine has none.
    """
    available = torch.cuda.is_available()
    if settings.torch_device == "cuda" and not available:
        problem = "torch finds no CUDA GPU on this machine"
        raise settings.error(("torch_device",), "cuda", problem, "auto or cpu")
    return "cuda" if available and settings.torch_device != "cpu" else "cpu"


def read(settings: Pretraining) -> Raw:
    """Load the data: labels at once, pixels when they are needed.

    Raises:
        ScenarioError: the data cannot be used, or the model is one of texts; the message names the line.
    """
    if is_text(settings.model.name):
        problem = (
            "models of images are pre-trained, and this one takes texts; a scenario can start from its own weights"
        )
        raise settings.error(("model", "name"), settings.model.name, problem, "bundled, random or a timm model")
    with located(settings, "data"):
        raw = settings.data.load().check()
        if raw.kind != "images":
            raise UnfitError("name", settings.data.name, f"it has {raw.kind}, and a model of images is trained", None)
        return raw


def decoded(samples: Samples | Texts, statistics: Statistics, settings: Pretraining, device: str) -> Images:
    """Decode the training or the test images into memory.

    Args:
        samples: the training or the test samples.
        statistics: mean and standard deviation of each channel.
        settings: the recipe, which has the size of the images.
        device: the torch device to which the images are moved.

    Raises:
        ScenarioError: an image cannot be read.
    """
    assert isinstance(samples, Samples), "texts are refused when they are read"
    size = settings.model.image_size
    with located(settings, "data"):
        pixels = torch.from_numpy(samples.pixels(size))
    images = Images(pixels, torch.from_numpy(samples.labels), statistics, size=size)
    return images.to(torch.device(device))


def built(settings: Pretraining, classes: int) -> Built:
    """Build the model with the weights from which training starts.

    Raises:
        ScenarioError: there is no such model, it has no tokens to drop, or it draws random numbers in training (as
            dropout does), which an interrupted training could not reproduce.
    """
    model, seed = settings.model, Seeds(settings.seed).integer("weights")
    try:
        with located(settings, "model"):
            initial = build(
                model.name,
                model.image_size,
                classes,
                seed,
                model.pretrained,
                weights=model.weights,
                keywords=model.keywords,
            )
        refuse_dropout(initial.model)
    except NotStagedError as error:
        raise settings.error(("model", "name"), model.name, str(error)) from error
    if settings.drop_tokens and not isinstance(initial.model, VisionTransformer):
        problem = f"{model.name} has no tokens to drop"
        raise settings.error(("drop_tokens",), None, problem, "null, or a VisionTransformer as the model")
    return initial
