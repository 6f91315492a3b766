"""LoRA adapters beside the linear layers of a model's blocks (Hu et al., 2022; arXiv 2106.09685)."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, scaled_dot_product_attention

from simulator.learning.costs.outlines import Outline
from simulator.learning.models.lora import Lora
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from timm.layers import Attention

THIRDS = ("q", "k", "v")


class Adapter(nn.Module):
    """A low-rank change of one linear layer, from [N, T, inputs] to [N, T, outputs].

    Dropout acts only where gradients are recorded, so never in evaluation. It draws from torch's global generator,
    which the pass seeds.
    """

    def __init__(self, layer: nn.Linear, outputs: int, lora: Lora) -> None:
        super().__init__()
        device = layer.weight.device
        self.a = nn.Parameter(torch.empty(lora.rank, layer.in_features, device=device))
        self.b = nn.Parameter(torch.zeros(outputs, lora.rank, device=device))
        self.scale, self.dropout = lora.scale, lora.dropout

    def reset(self, generator: torch.Generator) -> None:
        """Draw A as the weight of a new linear layer and set B to zero, so that the change starts at zero.

        (Section 4.1, and loralib.)
        """
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
    """Fill A of an adapter, [rank, inputs], as the weight of a new linear layer, and return it."""
    bound = 1 / math.sqrt(a.shape[1])
    return a.uniform_(-bound, bound, generator=generator)


class LoraLinear(nn.Linear):
    """A linear layer with an adapter; the parameters of the layer keep their names."""

    def __init__(self, layer: nn.Linear, lora: Lora) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.lora = Adapter(layer, layer.out_features, lora)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias) + self.lora(input)


class LoraAttention(nn.Module):
    """timm's attention with adapters for queries, keys or values, added after its fused layer has been split.

    Added to the fused tensor instead, one adapter would make all three require gradients. In the first block that has
    adapters, the backward pass of attention would then cost more than necessary.
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
    """Add adapters to the blocks of a model, in place.

    Each target layer is replaced by one that has an adapter; the names of its own parameters stay the same.

    Args:
        stages: the stages by name.
        lora: the settings: which blocks and layers get an adapter, and its rank, scale and dropout.
        seed: of the adapters' A.

    Raises:
        UnfitError: a block does not exist, or a target matches no layer; the error lists what there is.
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
    layers = {name: layer for name, layer in block.named_modules() if isinstance(layer, nn.Linear)}
    attentions = {name: module for name, module in block.named_modules() if _is_fused_attention(module)}
    thirds = tuple(third for third in THIRDS if third in lora.targets and attentions)
    for target in lora.targets:
        matches = [name for name in layers if f".{name}".endswith(f".{target}")]
        for name in matches:
            _replace(block, name, LoraLinear(layers[name], lora))
        if not matches and target not in thirds:
            names = [*(THIRDS if attentions else ()), *layers]
            problem = f'"{target}" is not a linear layer of a block'
            raise UnfitError("targets", list(lora.targets), problem, listed(names) if names else "no block has any")
    if thirds:
        for name, attention in attentions.items():
            _replace(block, name, LoraAttention(attention, thirds, lora))


def _is_fused_attention(module: nn.Module) -> bool:
    """Tell whether a module is timm's attention with queries, keys and values in one layer, and without a gate."""
    layers = sys.modules.get("timm.layers")  # no module is of timm's where nothing has imported it
    return layers is not None and type(module) is layers.Attention and getattr(module, "gate", None) is None


def _replace(block: nn.Module, name: str, by: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(block.get_submodule(parent), last, by)


class Target(NamedTuple):
    """One adapter in a model: its parameters, and the rows of the weight that it changes.

    Attributes:
        a, b: the names of its factors A and B.
        weight: the name of the weight that it changes.
        rows: the rows of that weight.
        scale: the factor on the product B A.
    """

    a: str
    b: str
    weight: str
    rows: slice
    scale: float


def targets(stages: nn.Module) -> Iterator[Target]:
    """Yield every adapter of some stages, or of their outlines, in the order of the model."""
    for name, adapter in stages.named_modules():
        outline = isinstance(adapter, Outline) and type(adapter).__name__ == Adapter.__name__
        if not outline and not isinstance(adapter, Adapter):
            continue
        layer, _, third = name.rpartition(".lora")
        weight, rows = f"{layer}.weight", slice(None)
        if third:  # ".q", ".k" or ".v" of a fused attention layer
            width = adapter.b.shape[0]
            first = THIRDS.index(third[1:]) * width
            weight, rows = f"{layer}.qkv.weight", slice(first, first + width)
        yield Target(f"{name}.a", f"{name}.b", weight, rows, adapter.scale)


def merged(tensors: Mapping[str, Tensor], found: Iterable[Target], sign: float = 1.0) -> dict[str, Tensor]:
    """Return the weights that adapters change, as new tensors with the changes added.

    Args:
        tensors: name -> tensor, with the weights and the factors of the adapters.
        found: the adapters to merge.
        sign: 1 adds the changes; -1 subtracts them again.
    """
    result: dict[str, Tensor] = {}
    for target in found:
        weight = result.setdefault(target.weight, tensors[target.weight].clone())
        if not weight.is_meta:
            weight[target.rows].addmm_(tensors[target.b], tensors[target.a], alpha=sign * target.scale)
    return result
