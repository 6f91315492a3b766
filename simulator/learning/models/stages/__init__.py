"""A timm model as a list of named stages: embed, (prompt), block0, block1, ..., head. Each family has its file."""

from __future__ import annotations

from timm.models.resnet import ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from simulator.learning.models.stages import resnet, vit
from simulator.learning.models.stages.base import CLASSIFIER, TRAINED, NoTokensError, NotStagedError
from simulator.learning.models.stages.vit import Place, Prompt

__all__ = ["CLASSIFIER", "FAMILIES", "TRAINED", "NoTokensError", "NotStagedError", "Place", "Prompt", "stages_of"]

FAMILIES = "a timm VisionTransformer or ResNet"
"""In words."""


def stages_of(model: nn.Module, prompts: int = 0, place: Place = "after_class") -> dict[str, nn.Module]:
    """The stages of a timm model, in order; they share its modules.

    Args:
        model: it is not used as a whole afterwards.
        prompts: how many learnable tokens to add before the first block.
        place: behind the class (and register) tokens, or behind all tokens.

    Raises:
        NotStagedError: it is of no family that we know, or has a part that stages do not know; the message says which.
        NoTokensError: there are prompts, and it has no tokens.
    """
    if isinstance(model, VisionTransformer):
        return vit.stages(model, prompts, place)
    if isinstance(model, ResNet):
        if prompts:
            raise NoTokensError("prompts are tokens, and a ResNet has none: it works on feature maps")
        return resnet.stages(model)
    raise NotStagedError(f"{type(model).__name__} is not {FAMILIES}")
