"""A timm MlpMixer as stages: embed, block0, block1, ..., head, with tokens [N, T, D] in between.

Tokens are mixed by a layer whose width is their number, so that none can be added: there are no prompts.
"""

from __future__ import annotations

from timm.models.mlp_mixer import MixerBlock, MlpMixer
from torch import Tensor, nn

from simulator.learning.models.stages.base import NotStagedError, refuse_dropout


class Embed(nn.Module):
    """The embedding, from images [N, C, H, W] to one token for each patch, [N, T, D].

    timm's own assertion on the image size is left out, because it cannot be traced.
    """

    def __init__(self, mixer: MlpMixer) -> None:
        super().__init__()
        self.proj, self.norm = mixer.stem.proj, mixer.stem.norm

    def forward(self, images: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.proj(images).flatten(2).transpose(1, 2))
        return tokens


class Head(nn.Module):
    """From tokens [N, T, D] to logits, one per class: norm, their mean, and the classifier."""

    def __init__(self, mixer: MlpMixer) -> None:
        super().__init__()
        self.norm, self.head = mixer.norm, mixer.head
        self.pooling = mixer.global_pool

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.norm(tokens)
        logits: Tensor = self.head(tokens.mean(dim=1) if self.pooling == "avg" else tokens)
        return logits


def stages(mixer: MlpMixer) -> dict[str, nn.Module]:
    """Split an MLP-Mixer (Tolstikhin et al., 2021) into stages, which share its modules.

    Raises:
        NotStagedError: the model has a part that is not supported; the message names it.
    """
    refuse_dropout(mixer)
    other = next((type(block).__name__ for block in mixer.blocks if type(block) is not MixerBlock), None)
    if other:
        raise NotStagedError(f"its blocks are {other}, and those of an MLP-Mixer are MixerBlock")
    blocks = {f"block{number}": block for number, block in enumerate(mixer.blocks)}
    return {"embed": Embed(mixer), **blocks, "head": Head(mixer)}
