"""A timm VisionTransformer as stages: embed, (prompt), block0, block1, ..., head, with tokens [N, T, D] in between."""

from __future__ import annotations

import math

import torch
from timm.layers import PatchEmbed
from timm.models.vision_transformer import VisionTransformer, global_pool_nlc
from torch import Tensor, nn

from simulator.learning.models.stages.base import NotStagedError, refuse_dropout
from simulator.learning.models.stages.prompt import Place, Prompt


class Embed(nn.Module):
    """The embedding, from images [N, C, H, W] to tokens [N, T, D]: patches, class and register tokens, positions.

    timm's own assertion on the image size is left out, because it cannot be traced.
    """

    def __init__(self, vit: VisionTransformer) -> None:
        super().__init__()
        self.proj, self.patch_norm = vit.patch_embed.proj, vit.patch_embed.norm
        self.cls_token, self.reg_token, self.pos_embed = vit.cls_token, vit.reg_token, vit.pos_embed
        self.norm_pre = vit.norm_pre
        self.patches_only = bool(vit.no_embed_class)
        self.patch_values = vit.patch_embed.proj.weight[0].numel()  # values in one patch

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patch_norm(self.proj(images).flatten(2).transpose(1, 2))
        if self.pos_embed is not None and self.patches_only:
            tokens = tokens + self.pos_embed
        prefix = [token for token in (self.cls_token, self.reg_token) if token is not None]
        tokens = torch.cat([*(token.expand(tokens.shape[0], -1, -1) for token in prefix), tokens], dim=1)
        if self.pos_embed is not None and not self.patches_only:
            tokens = tokens + self.pos_embed
        return self.norm_pre(tokens)

    def draw_prompts(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Draw soft prompts [1, P, D] anew, uniformly as in VPT's code; the bound is Glorot's for one patch."""
        bound = math.sqrt(6 / (self.patch_values + tokens.shape[-1]))
        with torch.no_grad():
            tokens.uniform_(-bound, bound, generator=generator)


class Head(nn.Module):
    """From tokens [N, T, D] to logits, one per class: norm, pooling and classifier.

    Prompts are removed before pooling, because they are not patches.
    """

    def __init__(self, vit: VisionTransformer, prompts: int, at: int) -> None:
        super().__init__()
        self.norm, self.attn_pool, self.fc_norm, self.head = vit.norm, vit.attn_pool, vit.fc_norm, vit.head
        self.prompts, self.at = prompts, at
        self.pooling, self.prefix, self.with_prefix = vit.global_pool, vit.num_prefix_tokens, vit.pool_include_prefix

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.norm(tokens)
        if self.prompts:
            at = self.at if self.at >= 0 else tokens.shape[1] - self.prompts
            tokens = torch.cat([tokens[:, :at], tokens[:, at + self.prompts :]], dim=1)
        if self.attn_pool is not None:
            pooled = self.attn_pool(tokens if self.with_prefix else tokens[:, self.prefix :])
        else:
            pooled = global_pool_nlc(
                tokens,
                pool_type=self.pooling,
                num_prefix_tokens=self.prefix,
                reduce_include_prefix=self.with_prefix,
            )
        return self.head(self.fc_norm(pooled))

    def extra_repr(self) -> str:
        return f"pooling={self.pooling}, prompts={self.prompts}, at={self.at}, prefix={self.prefix}"


def stages(vit: VisionTransformer, prompts: int, place: Place) -> dict[str, nn.Module]:
    """Split a VisionTransformer into stages, which share its modules.

    Args:
        vit: the model.
        prompts: how many learnable tokens to add before the first block.
        place: whether to add them after the class (and register) tokens, or after all tokens.

    Raises:
        NotStagedError: the model has a part that is not supported; the message names it.
    """
    if type(vit) is not VisionTransformer:
        raise NotStagedError(f"a {type(vit).__name__} has parts that an ordinary VisionTransformer does not have")
    if type(vit.patch_embed) is not PatchEmbed:
        raise NotStagedError(f"its images go through a {type(vit.patch_embed).__name__}, not straight into patches")
    if vit.dynamic_img_size or vit.patch_embed.dynamic_img_pad:
        raise NotStagedError("a model with a dynamic image size has no fixed stages")
    refuse_dropout(vit)
    at = vit.num_prefix_tokens if place == "after_class" else -1
    stages: dict[str, nn.Module] = {"embed": Embed(vit)}
    if prompts:
        stages["prompt"] = Prompt(prompts, vit.embed_dim, at)
    stages.update((f"block{number}", block) for number, block in enumerate(vit.blocks))
    stages["head"] = Head(vit, prompts, at)
    return stages
