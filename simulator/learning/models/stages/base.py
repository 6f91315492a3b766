"""What all families of models have in common as stages: what is trained, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


class NotStagedError(ValueError):
    """A model that cannot be seen as a list of stages."""


class NoTokensError(NotStagedError):
    """A model without tokens, which prompts could be put among."""


def refuse_dropout(model: nn.Module) -> None:
    """Raise ``NotStagedError`` where a module draws random numbers in training; the message names it."""
    dropout = [name for name, module in model.named_modules() if _drops(module)]
    if dropout:
        raise NotStagedError(f"dropout is not supported: set the rate of {dropout[0]!r} to 0")


def _drops(module: nn.Module) -> bool:
    """Whether a module draws random numbers in training: nn.Dropout has ``p``, timm's DropPath ``drop_prob``."""
    if not (isinstance(module, nn.Dropout) or type(module).__name__ in ("DropPath", "PatchDropout", "DropBlock2d")):
        return False
    return max(getattr(module, rate, None) or 0.0 for rate in ("p", "drop_prob", "prob")) > 0


CLASSIFIER = "head.head."
"""The classifier is called ``head`` in the stage ``head`` of every family."""
TRAINED: dict[str, Callable[[str], bool]] = {
    "full": lambda name: True,
    "linear": lambda name: name.startswith(CLASSIFIER),
    "bias": lambda name: name.endswith("bias") or name.startswith(CLASSIFIER),
    "prompt": lambda name: name.startswith(("prompt.", CLASSIFIER)),
    "lora": lambda name: ".lora." in name or name.startswith(CLASSIFIER),
}
"""Which parameters are trained, by what a scenario calls it."""
