"""LoRA adapters beside the linear layers of a model's blocks (Hu et al., 2022; arXiv 2106.09685)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from timm.layers import Attention
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, scaled_dot_product_attention

from simulator.learning.models.lora import Lora
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed

THIRDS = ("q", "k", "v")


class Adapter(nn.Module):
    """The change of one linear layer: [N, T, inputs] to [N, T, outputs].

    Dropout acts where a way back is kept, so never in evaluation; it draws from torch's generator, which a pass seeds.
    """

    def __init__(self, layer: nn.Linear, outputs: int, lora: Lora) -> None:
        super().__init__()
        device = layer.weight.device
        self.a = nn.Parameter(torch.empty(lora.rank, layer.in_features, device=device))
        self.b = nn.Parameter(torch.zeros(outputs, lora.rank, device=device))
        self.scale, self.dropout = lora.scale, lora.dropout

    def reset(self, generator: torch.Generator) -> None:
        """A as the weight of a new linear layer, B zero: the change begins as none (section 4.1, and loralib)."""
        with torch.no_grad():
            draw(self.a, generator)
            self.b.zero_()

    def forward(self, x: Tensor) -> Tensor:
        if self.dropout and torch.is_grad_enabled():
            x = dropout(x, self.dropout)
        return linear(linear(x, self.a) * self.scale, self.b)

    def extra_repr(self) -> str:
        return f"rank={self.a.shape[0]}, scale={self.scale}, dropout={self.dropout}"


def draw(a: Tensor, generator: torch.Generator) -> Tensor:
    """Fill an adapter's A with new values, as a new linear layer has them; the value is this tensor."""
    bound = 1 / math.sqrt(a.shape[1])
    return a.uniform_(-bound, bound, generator=generator)


class LoraLinear(nn.Linear):
    """A linear layer, its parameters under the names they had, and an adapter."""

    def __init__(self, layer: nn.Linear, lora: Lora) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.lora = Adapter(layer, layer.out_features, lora)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias) + self.lora(input)


class LoraAttention(nn.Module):
    """timm's attention, with adapters added once its fused layer is cut into queries, keys and values.

    Added to the fused tensor, one adapter would make all three want gradients: in the first block that has any,
    attention would cost more on the way back than it needs to.
    """

    def __init__(self, attention: Attention, thirds: tuple[str, ...], lora: Lora) -> None:
        super().__init__()
        self.qkv, self.q_norm, self.k_norm = attention.qkv, attention.q_norm, attention.k_norm
        self.norm, self.proj, self.heads = (
            getattr(attention, "norm", nn.Identity()),
            attention.proj,
            attention.num_heads,
        )
        width = attention.qkv.out_features // 3
        self.lora = nn.ModuleDict({third: Adapter(attention.qkv, width, lora) for third in thirds})

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        fused = dict(zip(THIRDS, self.qkv(x).chunk(3, dim=-1), strict=True))
        for third, adapter in self.lora.items():
            fused[third] = fused[third] + adapter(x)
        q, k, v = (tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2) for tokens in fused.values())
        mixed = scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, attn_mask, is_causal=is_causal)
        return self.proj(self.norm(mixed.transpose(1, 2).flatten(2)))


def attach(stages: Mapping[str, nn.Module], lora: Lora, seed: int = 0) -> None:
    """Put adapters beside the targets in the stages' blocks; they take the place of the layers, whose names stay.

    Args:
        seed: of what is drawn: the adapters' A.

    Raises:
        UnfitError: a block that the model does not have, or a target that matches nothing; it lists what there is.
    """
    blocks = [block for name, block in stages.items() if name.startswith("block")]
    first, last = lora.blocks or (0, None)
    last = len(blocks) - 1 if last is None else last
    if not first <= last < len(blocks):
        problem = f"the model has blocks 0 to {len(blocks) - 1}"
        raise UnfitError("blocks", list(lora.blocks or ()), problem, "[first, last], counted from 0, or null")
    generator = torch.Generator().manual_seed(seed)
    for block in blocks[first : last + 1]:
        _attach(block, lora)
        for adapter in block.modules():
            if isinstance(adapter, Adapter) and not adapter.a.is_meta:
                adapter.reset(generator)


def _attach(block: nn.Module, lora: Lora) -> None:
    there = {name: layer for name, layer in block.named_modules() if isinstance(layer, nn.Linear)}
    attention = {name: each for name, each in block.named_modules() if _cuts_apart(each)}
    thirds = tuple(third for third in THIRDS if third in lora.targets and attention)
    for target in lora.targets:
        found = [name for name in there if f".{name}".endswith(f".{target}")]
        for name in found:
            _replace(block, name, LoraLinear(there[name], lora))
        if not found and target not in thirds:
            names = [*(THIRDS if attention else ()), *there]
            problem = f'"{target}" is no linear layer of a block'
            raise UnfitError("targets", list(lora.targets), problem, listed(names) if names else "no block has any")
    if thirds:
        for name, each in attention.items():
            _replace(block, name, LoraAttention(each, thirds, lora))


def _cuts_apart(module: nn.Module) -> bool:
    """Whether this is timm's attention, queries, keys and values in one layer; a gated one is another matter."""
    return type(module) is Attention and getattr(module, "gate", None) is None


def _replace(block: nn.Module, name: str, by: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(block.get_submodule(parent), last, by)


class Target(NamedTuple):
    """Where an adapter belongs: its parameters, and the rows of the weight that it changes."""

    a: str
    b: str
    weight: str
    rows: slice
    scale: float


def targets(stages: nn.Module) -> Iterator[Target]:
    """Every adapter in some stages, in the order of the model."""
    for name, adapter in stages.named_modules():
        if not isinstance(adapter, Adapter):
            continue
        layer, _, third = name.rpartition(".lora")
        weight, rows = f"{layer}.weight", slice(None)
        if third:  # of an attention: ".q"
            width = adapter.b.shape[0]
            at = THIRDS.index(third[1:]) * width
            weight, rows = f"{layer}.qkv.weight", slice(at, at + width)
        yield Target(f"{name}.a", f"{name}.b", weight, rows, adapter.scale)


def merged(tensors: Mapping[str, Tensor], found: Iterable[Target], sign: float = 1.0) -> dict[str, Tensor]:
    """The weights that adapters change, with the changes added; new tensors, by name.

    Args:
        tensors: weights and adapters, by name.
        sign: -1 takes the changes out again.
    """
    result: dict[str, Tensor] = {}
    for target in found:
        weight = result.setdefault(target.weight, tensors[target.weight].clone())
        if not weight.is_meta:
            weight[target.rows].addmm_(tensors[target.b], tensors[target.a], alpha=sign * target.scale)
    return result
