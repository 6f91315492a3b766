"""BERT (Devlin et al., 2019) and RoBERTa (Liu et al., 2019) as stages, with tokens [N, T, D] in between.

The two differ in their embedding: RoBERTa counts positions from 2, and does not tell sentences apart.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from simulator.learning.models.stages.text import (
    Mlp,
    PaddedAttention,
    are_tokens,
    padded_with_zeros,
    padding_mask,
    without_prompts,
)

AFTER_CLASS = 1
"""The tokens before the soft prompts: the class token alone."""


class EncoderEmbed(nn.Module):
    """What the embeddings of both have in common, from ids [N, T], padded with -1, to tokens [N, T, D].

    Args:
        vocabulary: the number of words.
        positions: the number of rows in the table of positions.
        types: the number of kinds of sentences.
        width: D, of a token.
        epsilon: of the norm.

    Attributes:
        offset: how many soft prompts come after the class token, which keeps the first position.
    """

    takes: ClassVar[str] = "tokens"
    first: ClassVar[int]
    """The row of the first position in the table of positions."""

    def __init__(self, vocabulary: int, positions: int, types: int, width: int, epsilon: float) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.types, self.norm = nn.Embedding(types, width), nn.LayerNorm(width, epsilon)
        self.offset = 0

    def forward(self, ids: Tensor) -> Tensor:
        index = torch.arange(ids.shape[1], device=ids.device)
        places = index + (index >= AFTER_CLASS) * self.offset + self.first
        words = self.tokens(ids.clamp(min=0)) + self.positions(places) + self.sentences(ids)
        return padded_with_zeros(self.norm(words), ids >= 0)

    def sentences(self, ids: Tensor) -> Tensor:
        """Return the embedding of the sentence that each token is in; it broadcasts to [N, T, D]."""
        raise NotImplementedError

    def draw_prompts(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Set soft prompts [1, P, D] to words drawn at random, embedded at their places (Lester et al., 2021, 3.2)."""
        length, start = tokens.shape[1], self.first + AFTER_CLASS
        ids = torch.randint(self.tokens.num_embeddings, (length,), generator=generator)
        with torch.no_grad():
            words = self.tokens.weight[ids] + self.positions.weight[start : start + length] + self.types.weight[0]
            tokens.copy_(self.norm(words))

    def extra_repr(self) -> str:
        return f"offset={self.offset}"


class BertEmbed(EncoderEmbed):
    """The embedding of BERT: a separator ends its sentence, and what follows it is the next one.

    Attributes:
        separator: the id of the separator; -1 if there is none, for one sentence only.
    """

    first = 0

    def __init__(self, vocabulary: int, positions: int, types: int, width: int, epsilon: float, separator: int) -> None:
        super().__init__(vocabulary, positions, types, width, epsilon)
        self.separator = separator

    def sentences(self, ids: Tensor) -> Tensor:
        ends = (ids == self.separator) & (ids >= 0)
        before = ends.cumsum(dim=1) - ends.long()
        kinds: Tensor = self.types(before.clamp(max=self.types.num_embeddings - 1))
        return kinds

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, separator={self.separator}"


class RobertaEmbed(EncoderEmbed):
    """The embedding of RoBERTa: all tokens are of the first kind, and rows 0 and 1 of positions are not used."""

    first = 2

    def sentences(self, ids: Tensor) -> Tensor:
        return self.types.weight[0]


class BertBlock(nn.Module):
    """A block of BERT, from tokens [N, T, D] to tokens: norms come last, and attention looks both ways."""

    def __init__(self, width: int, heads: int, hidden: int, epsilon: float) -> None:
        super().__init__()
        self.attn = PaddedAttention(width, heads, heads, width // heads)
        self.norm1 = nn.LayerNorm(width, epsilon)
        self.mlp = Mlp(width, hidden, "none")
        self.norm2 = nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        real = are_tokens(x)
        x = self.norm1(x + self.attn(x, padding_mask(real, x.dtype)))
        return padded_with_zeros(self.norm2(x + self.mlp(x)), real)


class ClassTokenHead(nn.Module):
    """From tokens [N, T, D] to logits [N, C], from the class token: a layer with tanh, and the classifier."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.dense, self.head = nn.Linear(width, width), nn.Linear(width, classes)
        self.pooling = "token"

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(self.dense(x[:, 0])))
        return logits


class MeanHead(nn.Module):
    """From tokens [N, T, D] to logits [N, C], from the mean of all that are neither padding nor prompts.

    Attributes:
        prompts: how many soft prompts come after the class token.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, classes)
        self.pooling, self.prompts = "mean", 0

    def forward(self, x: Tensor) -> Tensor:
        x = without_prompts(x, self.prompts, AFTER_CLASS)
        samples = are_tokens(x).sum(dim=1, keepdim=True).clamp(min=1)
        logits: Tensor = self.head(x.sum(dim=1) / samples)
        return logits
