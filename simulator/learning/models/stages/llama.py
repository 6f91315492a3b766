"""Llama (Touvron et al., 2023) and its kin as stages: embed, block0, ..., head, with tokens [N, T, D] in between.

SmolLM2 and TinyLlama are of the same build, and so is Qwen2, whose queries, keys and values have a bias.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from simulator.learning.models.stages.text import Attention, are_tokens, kept_as_tokens, padded_with_zeros


def frequencies(width: int, theta: float, scaling: tuple[float, ...], device: torch.device) -> Tensor:
    """Return the angle by which each pair of a head turns from one position to the next, [width / 2].

    Args:
        width: of a head.
        theta: the base of the frequencies (Su et al., 2021).
        scaling: how a longer context is reached: (): as trained; (factor,): all are divided by it; (factor, low, high,
            length): those with few turns in the original length are, as in Llama 3.1.
        device: of the result.
    """
    plain = 1.0 / theta ** (torch.arange(0, width, 2, device=device).float() / width)
    if len(scaling) < 4:
        return plain / scaling[0] if scaling else plain
    factor, low, high, length = scaling
    turns = plain * (length / (2 * math.pi))
    share = ((turns - low) / (high - low)).clamp(0, 1)  # 0: divided by the factor, 1: as trained
    return plain * ((1 - share) / factor + share)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (i, i + half) of the heads [N, H, T, width] by angles [T, width]."""
    one, other = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-other, one], dim=-1) * sin


class RotaryAttention(Attention):
    """Attention of each token to itself and those before it, with positions as rotations of queries and keys.

    Args:
        width, heads, kv_heads, head_width, bias, output_bias: as of ``Attention``.
        theta, scaling: as of ``frequencies``.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: int,
        head_width: int,
        bias: bool,
        output_bias: bool,
        theta: float,
        scaling: tuple[float, ...],
    ) -> None:
        super().__init__(width, heads, kv_heads, head_width, bias, output_bias)
        self.theta, self.scaling = theta, scaling

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(x)
        turns = frequencies(q.shape[-1], self.theta, self.scaling, x.device)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * turns
        cos, sin = (torch.cat([part, part], dim=-1) for part in (angles.cos(), angles.sin()))
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        if self.kv_heads != self.heads:
            k, v = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (k, v))
        return self.join(scaled_dot_product_attention(q, k, v, is_causal=True))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, theta={self.theta}, scaling={self.scaling}"


class GatedMlp(nn.Module):
    """Two layers, of which one gates the other by its SiLU, and one back (SwiGLU; Shazeer, 2020)."""

    def __init__(self, width: int, hidden: int, bias: bool) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias), nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.down(silu(self.gate(x)) * self.up(x))
        return output


class LlamaEmbed(nn.Module):
    """The embedding, from ids [N, T], padded with -1, to tokens [N, T, D]: words alone.

    Attributes:
        offset: how many soft prompts come before the tokens; attention counts positions itself.
    """

    takes: ClassVar[str] = "tokens"

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.offset = 0

    def forward(self, ids: Tensor) -> Tensor:
        return kept_as_tokens(self.tokens(ids.clamp(min=0)), ids >= 0)

    def draw_prompts(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Set soft prompts [1, P, D] to words drawn at random (Lester et al., 2021, 3.2)."""
        ids = torch.randint(self.tokens.num_embeddings, (tokens.shape[1],), generator=generator)
        with torch.no_grad():
            tokens.copy_(self.tokens.weight[ids])

    def extra_repr(self) -> str:
        return f"offset={self.offset}"


class LlamaBlock(nn.Module):
    """A block of Llama's, from tokens [N, T, D] to tokens: RMS norms come first, and attention looks back only."""

    def __init__(self, width: int, attention: RotaryAttention, mlp: GatedMlp, epsilon: float) -> None:
        super().__init__()
        self.norm1, self.attn = nn.RMSNorm(width, epsilon), attention
        self.norm2, self.mlp = nn.RMSNorm(width, epsilon), mlp

    def forward(self, x: Tensor) -> Tensor:
        real = are_tokens(x)
        x = x + self.attn(self.norm1(x))
        return padded_with_zeros(x + self.mlp(self.norm2(x)), real)
