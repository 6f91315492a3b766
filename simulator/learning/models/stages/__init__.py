"""Families of models as named stages: embed, (prompt), block0, block1, ..., head.

Each family has its own file. ``stages_of`` picks the family by the class of the model, so a new family is added there,
and to the text of ``FAMILIES``. ``models.build`` checks the size of images by family, too. Language models
(``models.text``) make their stages themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import nn

from simulator.learning.models.stages.base import CLASSIFIER, TRAINED, NoTokensError, NotStagedError
from simulator.learning.models.stages.prompt import Place, Prompt

__all__ = ["CLASSIFIER", "FAMILIES", "TRAINED", "NoTokensError", "NotStagedError", "Place", "Prompt", "stages_of"]


class HasStages(ABC):
    """A model that makes its stages itself."""

    @abstractmethod
    def stages(self, prompts: int = 0, place: Place = "after_class") -> dict[str, nn.Module]:
        """Return the stages by name, in order, as ``stages_of`` does."""

    def ties(self) -> dict[str, str]:
        """Return the parameters that the model shares among stages: name -> name of the one that they are."""
        return {}


FAMILIES = "a timm VisionTransformer, ResNet, SwinTransformer or MlpMixer"
"""The families that can be split into stages, for messages."""


def stages_of(model: nn.Module, prompts: int = 0, place: Place = "after_class") -> dict[str, nn.Module]:
    """Split a model into stages.

    Args:
        model: the model; the stages share its modules, so it must not be used as a whole afterwards.
        prompts: how many learnable tokens to add before the first block.
        place: whether to add them after the class (and register) tokens, or after all tokens.

    Returns:
        The stages by name, in order.

    Raises:
        NotStagedError: the model is of no known family, or has a part that is not supported; the message names it.
        NoTokensError: prompts are wanted, and the model has no tokens.
        UnfitError: a language model has no place for these prompts.
    """
    if isinstance(model, HasStages):
        return model.stages(prompts, place)
    from timm.models.mlp_mixer import MlpMixer  # timm takes seconds to import, and a dry run may do without
    from timm.models.resnet import ResNet
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.vision_transformer import VisionTransformer

    from simulator.learning.models.stages import mixer, resnet, swin, vit

    if isinstance(model, VisionTransformer):
        return vit.stages(model, prompts, place)
    without_prompts: tuple[tuple[type[nn.Module], Callable[[Any], dict[str, nn.Module]], str], ...] = (
        (ResNet, resnet.stages, "a ResNet has none: it works on feature maps"),
        (SwinTransformer, swin.stages, "a SwinTransformer has none that all its windows see"),
        (MlpMixer, mixer.stages, "an MlpMixer cannot take more than its patches"),
    )
    for kind, split, why in without_prompts:
        if isinstance(model, kind):
            if prompts:
                raise NoTokensError(f"prompts are tokens, and {why}")
            return split(model)
    raise NotStagedError(f"{type(model).__name__} is not {FAMILIES}")
