"""GPT-2 (Radford et al., 2019) as stages: embed, block0, block1, ..., head, with tokens [N, T, D] in between."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from simulator.learning.models.stages.text import CausalAttention, Mlp, are_tokens, padded_with_zeros


class GPT2Embed(nn.Module):
    """The embedding, from ids [N, T], padded with -1, to tokens [N, T, D]: words and positions.

    Attributes:
        offset: how many soft prompts come before the tokens; they take the first positions.
    """

    takes: ClassVar[str] = "tokens"

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.offset = 0

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device) + self.offset
        return padded_with_zeros(self.tokens(ids.clamp(min=0)) + self.positions(places), ids >= 0)

    def draw_prompts(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Set soft prompts [1, P, D] to words drawn at random, at the first positions (Lester et al., 2021, 3.2)."""
        length = tokens.shape[1]
        ids = torch.randint(self.tokens.num_embeddings, (length,), generator=generator)
        with torch.no_grad():
            tokens.copy_(self.tokens.weight[ids] + self.positions.weight[:length])

    def extra_repr(self) -> str:
        return f"offset={self.offset}"


class GPT2Block(nn.Module):
    """A block of GPT-2, from tokens [N, T, D] to tokens: norms come first, and attention looks back only."""

    def __init__(self, width: int, heads: int, hidden: int, epsilon: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, epsilon)
        self.attn = CausalAttention(width, heads, heads, width // heads)
        self.norm2 = nn.LayerNorm(width, epsilon)
        self.mlp = Mlp(width, hidden, "tanh")

    def forward(self, x: Tensor) -> Tensor:
        real = are_tokens(x)
        x = x + self.attn(self.norm1(x))
        return padded_with_zeros(x + self.mlp(self.norm2(x)), real)
