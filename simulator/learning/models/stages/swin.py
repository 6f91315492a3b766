"""A timm SwinTransformer as stages: embed, block0, block1, ..., head, with feature maps [N, H, W, C] in between.

Every Swin block is one block. Where patches are merged, the merging belongs to the block that follows it. A window
attends to its own patches, so that no prompt can be added that all see: there are no prompts.
"""

from __future__ import annotations

from typing import Any

from timm.models.swin_transformer import SwinTransformer
from torch import Tensor, nn

from simulator.learning.models.stages.base import NotStagedError, refuse_dropout


class Embed(nn.Module):
    """The embedding, from images [N, C, H, W] to patches [N, H, W, C].

    timm's own assertion on the image size is left out, because it cannot be traced.
    """

    def __init__(self, swin: SwinTransformer) -> None:
        super().__init__()
        embed: Any = swin.patch_embed
        self.proj, self.norm = embed.proj, embed.norm

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.norm(self.proj(images).permute(0, 2, 3, 1))
        return maps


class Head(nn.Module):
    """From feature maps [N, H, W, C] to logits, one per class: norm, global pooling and the classifier."""

    def __init__(self, swin: SwinTransformer) -> None:
        super().__init__()
        self.norm, self.pool, self.head = swin.norm, swin.head.global_pool, swin.head.fc

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pool(self.norm(maps)))
        return logits


def stages(swin: SwinTransformer) -> dict[str, nn.Module]:
    """Split a Swin Transformer (Liu et al., 2021) into stages, which share its modules.

    Raises:
        NotStagedError: the model has a part that is not supported; the message names it.
    """
    refuse_dropout(swin)
    if swin.head.drop.p:
        raise NotStagedError("dropout is not supported: set 'drop_rate' to 0")
    blocks: list[nn.Module] = []
    layer: Any
    for layer in swin.layers:
        first, *others = layer.blocks
        plain = isinstance(layer.downsample, nn.Identity)
        blocks += [first if plain else nn.Sequential(layer.downsample, first), *others]
    named = {f"block{number}": block for number, block in enumerate(blocks)}
    return {"embed": Embed(swin), **named, "head": Head(swin)}
