"""What the stages of language models share: padding that shows in zero rows, attention with four layers, and heads.

Token ids are int64 [N, T], padded on the right with -1. The embedding makes tokens [N, T, D] of them, in which the rows
of padding are exactly zero, and every block keeps them so. A later stage sees from the zero rows what is padding, so
neither a mask nor a length is ever sent between stages.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

TRACE = 1e-30
"""What stands in a token all of whose numbers are zero, so that it is none of the padding."""


def are_tokens(x: Tensor) -> Tensor:
    """Return which rows of [N, T, D] are tokens and not padding, as bool [N, T]."""
    return (x != 0).any(dim=-1)


def padded_with_zeros(x: Tensor, real: Tensor) -> Tensor:
    """Return [N, T, D] with zeros in the rows where ``real`` [N, T] is false."""
    return x * real.unsqueeze(-1)


def kept_as_tokens(x: Tensor, real: Tensor) -> Tensor:
    """Return embedded words [N, T, D] with zeros where ``real`` [N, T] is false, and not only zeros where it is true.

    A word may be embedded as zeros, as rows that a model never used are; without a trace it would pass for padding.
    """
    x = padded_with_zeros(x, real)
    return x + (real & ~are_tokens(x)).unsqueeze(-1) * TRACE


def padding_mask(real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to scores so that nothing attends to padding, [N, 1, 1, T].

    It is the lowest number in place of minus infinity, so that a row that is all padding gives no NaN.
    """
    return (~real)[:, None, None].to(dtype) * torch.finfo(dtype).min


def without_prompts(x: Tensor, prompts: int, at: int) -> Tensor:
    """Return [N, T, D] without the soft prompts that come after the first ``at`` tokens."""
    if not prompts:
        return x
    return torch.cat([x[:, :at], x[:, at + prompts :]], dim=1) if at else x[:, prompts:]


class Attention(nn.Module):
    """The layers of attention, with queries, keys and values apart, so that each can have an adapter of its own.

    Args:
        width: D, of a token.
        heads: the heads of queries.
        kv_heads: the heads of keys and values, of which each serves several of queries (Ainslie et al., 2023).
        head_width: the width of one head.
        bias: whether queries, keys and values have a bias.
        output_bias: whether the output has one.
    """

    def __init__(
        self, width: int, heads: int, kv_heads: int, head_width: int, bias: bool = True, output_bias: bool = True
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        self.q = nn.Linear(width, heads * head_width, bias)
        self.k = nn.Linear(width, kv_heads * head_width, bias)
        self.v = nn.Linear(width, kv_heads * head_width, bias)
        self.o = nn.Linear(heads * head_width, width, output_bias)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values of [N, T, D], each [N, its heads, T, width of a head]."""
        counts = self.heads, self.kv_heads, self.kv_heads
        parts = self.q(x), self.k(x), self.v(x)
        q, k, v = (part.unflatten(-1, (n, -1)).transpose(1, 2) for part, n in zip(parts, counts, strict=True))
        return q, k, v

    def join(self, mixed: Tensor) -> Tensor:
        """Return the output [N, T, D] of what the heads have mixed."""
        output: Tensor = self.o(mixed.transpose(1, 2).flatten(2))
        return output

    def extra_repr(self) -> str:
        return f"heads={self.heads}, kv_heads={self.kv_heads}"


class CausalAttention(Attention):
    """Attention of each token to itself and those before it; padding comes last, so no token sees it."""

    def forward(self, x: Tensor) -> Tensor:
        return self.join(scaled_dot_product_attention(*self.split(x), is_causal=True))


class PaddedAttention(Attention):
    """Attention of each token to all others but padding."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.join(scaled_dot_product_attention(*self.split(x), attn_mask=mask))


class Mlp(nn.Module):
    """Two layers with a GELU between them, either exact or by its tanh approximation.

    Args:
        width: D, of a token.
        hidden: the width between the layers.
        approximate: ``none`` or ``tanh``.
    """

    def __init__(self, width: int, hidden: int, approximate: str) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(width, hidden), nn.GELU(approximate), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.fc2(self.act(self.fc1(x)))
        return output


class LastTokenHead(nn.Module):
    """From tokens [N, T, D] to logits [N, C], from the last token that is not padding: norm and classifier.

    Prompts need not be removed: they come before all tokens.
    """

    def __init__(self, norm: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.norm, self.head = norm, nn.Linear(width, classes, bias=False)
        self.pooling = "token"

    def forward(self, x: Tensor) -> Tensor:
        last = (are_tokens(x).sum(dim=1) - 1).clamp(min=0)
        token = x.gather(1, last[:, None, None].expand(-1, 1, x.shape[-1])).squeeze(1)
        logits: Tensor = self.head(self.norm(token))
        return logits


class NextTokenHead(nn.Module):
    """From tokens [N, T, D] to the logits of what comes next after each, [N, T, V]; prompts are left out.

    Attributes:
        prompts: how many soft prompts come before the tokens.
    """

    def __init__(self, norm: nn.Module, width: int, vocabulary: int) -> None:
        super().__init__()
        self.norm, self.head = norm, nn.Linear(width, vocabulary, bias=False)
        self.prompts = 0

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(without_prompts(x, self.prompts, 0)))
        return logits
