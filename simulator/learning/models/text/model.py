"""A language model as one module with its stages, from a configuration."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from simulator.learning.models.stages import HasStages
from simulator.learning.models.stages.bert import (
    AFTER_CLASS,
    BertBlock,
    BertEmbed,
    ClassTokenHead,
    MeanHead,
    RobertaEmbed,
)
from simulator.learning.models.stages.gpt2 import GPT2Block, GPT2Embed
from simulator.learning.models.stages.llama import GatedMlp, LlamaBlock, LlamaEmbed, RotaryAttention
from simulator.learning.models.stages.prompt import Place, Prompt
from simulator.learning.models.stages.text import LastTokenHead, NextTokenHead
from simulator.learning.models.text.config import TextConfig
from simulator.settings.errors import UnfitError

RESIDUAL = ("attn.o.weight", "mlp.fc2.weight")
"""What a block of GPT-2 adds to its tokens: its new weights are smaller, the more blocks there are."""


class TextModel(nn.Module, HasStages):
    """A language model.

    Args:
        config: its configuration.
        length: the tokens of its sequences.
        classes: the number of classes; None: it predicts the next token.

    Attributes:
        config, length, classes: as given.
        embed, blocks, head: its stages.

    Raises:
        UnfitError: an encoder is to predict the next token, or the sequences are longer than the model can take.
    """

    def __init__(self, config: TextConfig, length: int, classes: int | None) -> None:
        super().__init__()
        if classes is None and not config.is_decoder:
            problem = (
                f"a {config.family} model sees the whole text at once, so it cannot learn to predict the next token: "
                "choose a decoder (gpt2, llama, ...), or the task classification"
            )
            raise UnfitError("task", "next_token", problem)
        self.config, self.length, self.classes = config, length, classes
        self.embed = _embed(config)
        self.blocks = nn.ModuleList(_block(config) for _ in range(config.blocks))
        self.head = _head(config, classes)
        self._check_length(0)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of ids [N, T], padded with -1: [N, C], or [N, T, V] for the next token."""
        tokens = self.embed(ids)
        for block in self.blocks:
            tokens = block(tokens)
        logits: Tensor = self.head(tokens)
        return logits

    def _check_length(self, prompts: int) -> None:
        """Refuse sequences that, with this many soft prompts, are longer than the model can take."""
        most = self.config.positions
        if self.length > most:
            problem = f"the model has {most} positions, so {self.length} tokens are too many"
            raise UnfitError("length", self.length, problem, f"at most {most}")
        if self.length + prompts > most:
            left = most - self.length
            problem = (
                f"the model has {most} positions, of which texts of {self.length} tokens leave "
                f"{'too few' if left else 'none'} for prompts"
            )
            shorter = f"a model.length of at most {most - prompts}" if prompts < most else "a shorter model.length"
            raise UnfitError(
                ("prompts", "length"), prompts, problem, f"at most {left}, or {shorter}" if left else shorter
            )

    def stages(self, prompts: int = 0, place: Place = "after_class") -> dict[str, nn.Module]:
        """Return the stages by name, in order; they share the weights of this model.

        Args:
            prompts: how many soft prompts to add before the first block: before all tokens, or behind the class token
                where there is one.
            place: ``after_class``; ``end`` is where padding is.

        Raises:
            UnfitError: the prompts are to be at the end, or with them, sequences are longer than the model can take.
        """
        embed: Any = copy.copy(self.embed)
        head: Any = copy.copy(self.head)
        stages: dict[str, nn.Module] = {"embed": embed}
        if prompts:
            if place == "end":
                problem = "texts end in padding, so prompts cannot be there"
                raise UnfitError(("prompts", "place"), place, problem, "after_class")
            self._check_length(prompts)
            embed.offset = prompts
            if hasattr(head, "prompts"):
                head.prompts = prompts
            with torch.device(embed.tokens.weight.device):
                stages["prompt"] = Prompt(prompts, self.config.width, 0 if self.config.is_decoder else AFTER_CLASS)
        stages.update((f"block{number}", block) for number, block in enumerate(self.blocks))
        stages["head"] = head
        return stages

    def ties(self) -> dict[str, str]:
        """Return the parameters that are one with another one: the language-model head, where it is the embedding."""
        return {"head.head.weight": "embed.tokens.weight"} if self.classes is None and self.config.tied else {}

    def stage_state(self) -> dict[str, Tensor]:
        """Return all weights by the names that they have in stages: embed.*, block0.*, ..., head.*."""
        return {name.replace("blocks.", "block", 1): tensor for name, tensor in self.state_dict(keep_vars=True).items()}

    def reset(self, seed: int, only: frozenset[str] | None = None) -> None:
        """Draw the weights anew, as the family starts: N(0, 0.02), biases 0 and norms 1, the classifier first.

        Args:
            seed: of the draws; torch's global generator is not used.
            only: the weights to draw, by the names of stages; None: all.
        """
        generator = torch.Generator().manual_seed(seed)
        state, norms = self.stage_state(), _norms(self)
        with torch.no_grad():
            for name in sorted(state, key=lambda name: not name.startswith("head.")):
                if only is not None and name not in only:
                    continue
                if name in norms or name.endswith("bias"):
                    state[name].fill_(float(name in norms and name.endswith("weight")))
                    continue
                deviation = self.config.deviation
                if self.config.family == "gpt2" and name.endswith(RESIDUAL):
                    deviation /= math.sqrt(2 * self.config.blocks)
                state[name].normal_(0, deviation, generator=generator)
            for name, other in self.ties().items() if only is None else ():
                state[name].copy_(state[other])


def _norms(model: TextModel) -> set[str]:
    """Return the names, in stages, of the weights of norms."""
    kinds = nn.LayerNorm, nn.RMSNorm
    return {
        f"{name.replace('blocks.', 'block', 1)}.{weight}"
        for name, module in model.named_modules()
        if isinstance(module, kinds)
        for weight, _ in module.named_parameters()
    }


def _embed(config: TextConfig) -> nn.Module:
    if config.family == "llama":
        return LlamaEmbed(config.vocabulary, config.width)
    if config.family == "gpt2":
        return GPT2Embed(config.vocabulary, config.positions, config.width)
    if config.family == "roberta":
        rows = config.positions + RobertaEmbed.first
        return RobertaEmbed(config.vocabulary, rows, config.types, config.width, config.epsilon)
    shape = config.vocabulary, config.positions, config.types, config.width, config.epsilon
    return BertEmbed(*shape, config.separator)


def _block(config: TextConfig) -> nn.Module:
    width = config.width
    if config.family == "llama":
        heads = config.heads, config.key_heads, config.each_head
        attention = RotaryAttention(width, *heads, config.qkv_bias, config.output_bias, config.theta, config.scaling)
        return LlamaBlock(width, attention, GatedMlp(width, config.mlp, config.mlp_bias), config.epsilon)
    kind = GPT2Block if config.family == "gpt2" else BertBlock
    return kind(width, config.heads, config.mlp, config.epsilon)


def _head(config: TextConfig, classes: int | None) -> nn.Module:
    width = config.width
    if not config.is_decoder:
        assert classes is not None
        return ClassTokenHead(width, classes) if config.pooling == "token" else MeanHead(width, classes)
    norm = nn.RMSNorm(width, config.epsilon) if config.family == "llama" else nn.LayerNorm(width, config.epsilon)
    return NextTokenHead(norm, width, config.vocabulary) if classes is None else LastTokenHead(norm, width, classes)
