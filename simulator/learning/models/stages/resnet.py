"""A timm ResNet as stages: embed (the stem), block0, block1, ..., head, with feature maps [N, C, H, W] between them.

Every residual block of layer1 to layer4 is one block, so a cut counts residual blocks.

Batch norm is always in evaluation mode, also during training. It normalises by the running statistics of the
pre-training, which are frozen buffers and part of the model that devices are sent once (phase "provisioning"). Its
weight and bias are parameters like any other. This is the common choice for fine-tuning in small batches.

The alternative, statistics of the batch, makes the output for a sample depend on the other samples in its batch, and
its running statistics change in each forward pass. Averaged over clients whose data differ, those suit no client: a
known trap (from memory: FedBN, Li et al., 2021, keeps all of batch norm local for that reason).

With random weights, the running statistics are 0 and 1: batch norm is a learned scale and shift, and normalises
nothing. Training from scratch then depends more on the learning rate. Group norm has no such statistics: use
resnet50_gn, or any ResNet with the keyword ``norm_layer: groupnorm``. The number of batches behind the statistics (an
integer buffer) is not part of the stages.
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
"""The modules of a plain ResNet; for these, costs are tested against torch's own count."""


class Embed(nn.Module):
    """The stem: from images [N, 3, H, W] to feature maps with a quarter of their height and width."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.conv1, self.bn1, self.act1, self.maxpool = resnet.conv1, resnet.bn1, resnet.act1, resnet.maxpool

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.maxpool(self.act1(self.bn1(self.conv1(images))))
        return maps


class Head(nn.Module):
    """Global pooling and the classifier: from feature maps [N, C, H, W] to logits, one per class."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.global_pool, self.head = resnet.global_pool, resnet.fc

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.head(self.global_pool(maps))
        return logits


def stages(resnet: ResNet) -> dict[str, nn.Module]:
    """Split a plain ResNet into stages, which share its modules and are put into evaluation mode.

    Raises:
        NotStagedError: the model has a part that is not supported; the message names it.
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
            module.num_batches_tracked = None  # a counter that only training mode needs
    resnet.eval()
    layers = (module for name, module in resnet.named_children() if name.startswith("layer"))
    blocks = chain.from_iterable(layer.children() for layer in layers)
    return {
        "embed": Embed(resnet),
        **{f"block{number}": block for number, block in enumerate(blocks)},
        "head": Head(resnet),
    }
