"""What a training leaves for scenarios: weights, and a description of the form that the bundled model has."""

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
    """The model's tensors as they go into a file, parameters as fp16. The model's own are rounded likewise, so that
    what is measured from now on is what the file gives. Buffers stay: a variance may be too large for fp16.
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
    """Architecture, channel statistics, recipe, and what was measured, for ``model.json``."""
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
