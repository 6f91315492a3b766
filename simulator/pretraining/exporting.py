"""Export a trained model for scenarios: its weights, and a description in the format of the bundled model's."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import torch
import yaml
from torch import Tensor, nn

from simulator.learning.data.images import Statistics
from simulator.learning.models.build import BUNDLED

if TYPE_CHECKING:
    from simulator.pretraining.settings import Pretraining


def as_file(model: nn.Module) -> dict[str, Tensor]:
    """Return the model's tensors as they are stored, with parameters in fp16.

    The model's own parameters are rounded in place, too, so that what is measured afterwards is what the file gives.
    Buffers keep their precision: a variance may be too large for fp16.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    half = dict(model.named_parameters())
    return {
        name: (tensor.half() if name in half else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }


def description(
    settings: Pretraining, statistics: Statistics, classes: int, top1: float, tested: int
) -> dict[str, Any]:
    """Return the content of ``model.json``: architecture, channel statistics, recipe, and the measured accuracy.

    Args:
        settings: the recipe.
        statistics: mean and standard deviation of each channel.
        classes: the number of classes.
        top1: accuracy on the test images, a fraction.
        tested: the number of test images.
    """
    return {
        **_architecture(settings),
        "classes": classes,
        "mean": statistics[0],
        "std": statistics[1],
        "format": "state dict, fp16; load and cast to fp32",
        "recipe": yaml.safe_load(settings.resolved()),
        "measured": {"top1": top1, "on": f"the {tested} test images"},
    }


def _architecture(settings: Pretraining) -> dict[str, Any]:
    model = settings.model
    if model.name in ("bundled", "random"):
        recipe = json.loads((files("simulator") / "assets" / f"{BUNDLED}.json").read_text())
        return {"timm": recipe["timm"], "model": {**recipe["model"], "img_size": model.image_size}}
    return {"timm": model.name, "model": {"img_size": model.image_size, **model.keywords}}
