"""Small language models, and texts for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from simulator.learning.models.lora import Lora
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.stages.adapters import attach
from simulator.learning.models.text.config import TextConfig
from simulator.learning.models.text.model import TextModel

VOCABULARY, LENGTH, CLASSES, SEPARATOR = 40, 12, 3, 7
SMALL = {"vocabulary": VOCABULARY, "positions": 20, "width": 32, "blocks": 2, "heads": 4, "mlp": 48}
CONFIGS = {
    "gpt2": TextConfig("gpt2", **SMALL),
    "bert": TextConfig("bert", **SMALL, epsilon=1e-12, separator=SEPARATOR),
    "roberta": TextConfig("roberta", **SMALL, types=1),
    "mean": TextConfig("bert", **SMALL, separator=SEPARATOR, pooling="mean"),
    "llama": TextConfig("llama", **SMALL, kv_heads=2, epsilon=1e-6),
    "qwen2": TextConfig("llama", **SMALL, kv_heads=1, qkv_bias=True, scaling=(4.0, 1.0, 4.0, 8.0), tied=False),
}
"""A small model of each kind; in the last one, some frequencies are scaled, some not, and some in part."""


def text_model(kind: str = "gpt2", classes: int | None = CLASSES, seed: int = 0, **fields: Any) -> TextModel:
    """Return a small language model, in which no weight is 0 or 1, so that no omission goes unnoticed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TextModel(replace(CONFIGS[kind], **fields), LENGTH, classes)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def texts(samples: int = 4, length: int = LENGTH, seed: int = 1, pairs: bool = False) -> Tensor:
    """Return ids [samples, length] of texts of several lengths, the first of which is full; the rest is -1.

    Args:
        samples: how many.
        length: of the longest.
        seed: of their ids.
        pairs: whether each has a separator in its middle and one at its end.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(SEPARATOR + 1, VOCABULARY, (samples, length), generator=generator)
    for row, text in enumerate(ids):
        end = max(length - 2 * row, 4)
        text[end:] = -1
        if pairs:
            text[end // 2], text[end - 1] = SEPARATOR, SEPARATOR
    return ids


def staged_text(
    kind: str, train: str = "full", classes: int | None = CLASSES, targets: tuple[str, ...] = ("q", "v")
) -> tuple[Staged, dict[str, Tensor]]:
    """Return the stages of a small language model, and its weights by the names of stages.

    Args:
        kind: the kind of the model.
        train: which parameters are trained; with ``prompt``, there are two soft prompts.
        classes: the number of classes; None for the next token.
        targets: the layers that get adapters, with ``lora``.
    """
    stages = stages_of(text_model(kind, classes), 2 if train == "prompt" else 0)
    if train == "lora":
        attach(stages, Lora(targets=targets))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(2)
        for name, parameter in nn.ModuleDict(stages).named_parameters():
            if ".lora." in name or name.startswith("prompt."):
                parameter.normal_(0, 0.1)
    weights = {name: tensor.detach().clone() for name, tensor in nn.ModuleDict(stages).state_dict().items()}
    return Staged(stages, TRAINED[train]), weights
