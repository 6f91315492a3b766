"""A timm ResNet as stages: embed (the stem), block0, block1, ..., head. What flows is feature maps [N, C, H, W].

Every residual block of layer1 to layer4 is one block, so a cut counts residual blocks.

Batch norm works in evaluation mode, while training too: it normalises by the running statistics of the pre-training,
which are frozen buffers, a part of the model that devices are sent once (phase "provisioning"); its weight and bias are
parameters like any other. This is the common choice for fine-tuning in small batches. The other one, statistics of the
batch, makes a sample's output depend on the samples beside it, and has running statistics that change in each forward
pass; averaged over clients whose data differ, those fit no client: a known trap (from memory: FedBN, Li et al., 2021,
keeps all of batch norm local for that reason). With random weights the running statistics are 0 and 1, so that batch
norm is a scale and a shift that are learned, and normalises nothing: training from scratch then depends more on the
learning rate. Group norm has no such statistics: resnet50_gn, or any ResNet with the keyword ``norm_layer: groupnorm``.
The number of batches that made the statistics (an integer buffer) is no part of the stages.
"""

from __future__ import annotations

from itertools import chain

from timm.layers import GroupNorm, SelectAdaptivePool2d
from timm.layers.adaptive_avgmax_pool import AdaptiveAvgMaxPool2d, AdaptiveCatAvgMaxPool2d
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

from simulator.learning.models.stages.base import NotStagedError, refuse_dropout

KNOWN = frozenset(
    {ResNet, BasicBlock, Bottleneck, nn.Sequential, nn.Identity, nn.Conv2d, nn.ReLU, nn.Linear, nn.Flatten}
    | {nn.BatchNorm2d, GroupNorm, nn.MaxPool2d, nn.AvgPool2d, SelectAdaptivePool2d}
    | {nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, AdaptiveAvgMaxPool2d, AdaptiveCatAvgMaxPool2d}
)
"""What a plain ResNet is made of; for these, costs are held equal to torch's own count."""


class Embed(nn.Module):
    """The stem: images [N, 3, H, W] to feature maps of a quarter of their height and width."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.conv1, self.bn1, self.act1, self.maxpool = resnet.conv1, resnet.bn1, resnet.act1, resnet.maxpool

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.maxpool(self.act1(self.bn1(self.conv1(images))))
        return maps


class Head(nn.Module):
    """Feature maps to class logits: pooled over all places, then the classifier."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.global_pool, self.head = resnet.global_pool, resnet.fc

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.head(self.global_pool(maps))
        return logits


def stages(resnet: ResNet) -> dict[str, nn.Module]:
    """The stages of a plain ResNet, in order; they share its modules, and are in evaluation mode for good.

    Raises:
        NotStagedError: it has a part that stages do not know; the message says which.
    """
    refuse_dropout(resnet)
    if resnet.drop_rate:
        raise NotStagedError("dropout is not supported: set 'drop_rate' to 0")
    for name, module in resnet.named_modules():
        if type(module) not in KNOWN:
            what = f"{name!r} is a {type(module).__name__}" if name else f"it is a {type(module).__name__}"
            raise NotStagedError(f"{what}, which a plain ResNet does not have")
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            raise NotStagedError(f"{name!r} is a convolution in {module.groups} groups, and a plain ResNet has none")
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked = None  # a counter for training mode alone
    resnet.eval()
    layers = (module for name, module in resnet.named_children() if name.startswith("layer"))
    blocks = chain.from_iterable(layer.children() for layer in layers)
    return {
        "embed": Embed(resnet),
        **{f"block{number}": block for number, block in enumerate(blocks)},
        "head": Head(resnet),
    }
