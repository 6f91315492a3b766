"""What the stages of all model families share: which parameters are trained, and which models are refused."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


class NotStagedError(ValueError):
    """A model that cannot be split into stages."""


class NoTokensError(NotStagedError):
    """A model that works without tokens, so that prompts cannot be added."""


def refuse_dropout(model: nn.Module) -> None:
    """Refuse a model with dropout.

    Raises:
        NotStagedError: a module draws random numbers in training; the message names it.
    """
    dropout = [name for name, module in model.named_modules() if _drops(module)]
    if dropout:
        raise NotStagedError(f"dropout is not supported: set the rate of {dropout[0]!r} to 0")


def _drops(module: nn.Module) -> bool:
    """Tell whether a module draws random numbers in training; nn.Dropout has ``p``, timm's DropPath ``drop_prob``."""
    if not (isinstance(module, nn.Dropout) or type(module).__name__ in ("DropPath", "PatchDropout", "DropBlock2d")):
        return False
    return max(getattr(module, rate, None) or 0.0 for rate in ("p", "drop_prob", "prob")) > 0


CLASSIFIER = "head.head."
"""The prefix of the classifier's parameters: in every family, it is called ``head`` within the stage ``head``."""
TRAINED: dict[str, Callable[[str], bool]] = {
    "full": lambda name: True,
    "linear": lambda name: name.startswith(CLASSIFIER),
    "bias": lambda name: name.endswith("bias") or name.startswith(CLASSIFIER),
    "prompt": lambda name: name.startswith(("prompt.", CLASSIFIER)),
    "lora": lambda name: ".lora." in name or name.startswith(CLASSIFIER),
}
"""Tells whether a parameter is trained, from its name; by the value of ``train`` in a scenario."""
