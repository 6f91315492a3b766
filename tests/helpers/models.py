"""Small models, whole and in parts, and random images for them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import timm
import torch
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import ResNet
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from simulator.learning.models.cuts import Ranges
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd

CLASSES = 5
SIDE = 16
"""The side of an image, in pixels; in patches of 8, it makes four tokens, besides the class token."""


def vit(seed: int = 0, **settings: Any) -> VisionTransformer:
    """Return a VisionTransformer of three narrow blocks. No weight is 0 or 1, so that no omission goes unnoticed."""
    shape = {"img_size": SIDE, "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2}
    return _shaken(partial(timm.create_model, "vit_tiny_patch16_224"), seed, {**shape, **settings})


def resnet(name: str = "resnet18", seed: int = 0, **settings: Any) -> ResNet:
    """Return a narrow ResNet of timm's with five blocks. No weight and no statistic of a batch norm is 0 or 1.

    Args:
        name: the name of the model in timm.
        seed: the seed of the weights.
        settings: further arguments of timm.
    """
    shape = {"layers": (1, 2, 1, 1), "channels": (8, 8, 12, 16), "stem_type": "deep", "stem_width": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = timm.create_model(name, **{"num_classes": CLASSES, **shape, **settings})
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
            for norm in model.modules():
                if isinstance(norm, nn.BatchNorm2d):
                    norm.running_mean.normal_()
                    norm.running_var.uniform_(0.5, 2)
    return model.eval()


def swin(seed: int = 0, **settings: Any) -> SwinTransformer:
    """Return a narrow SwinTransformer of four blocks; in every second one, windows are shifted. No weight is 0 or 1."""
    shape = {"img_size": SIDE, "patch_size": 2, "window_size": 2, "embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2)}
    named = partial(timm.create_model, "swin_tiny_patch4_window7_224")
    return _shaken(named, seed, {**shape, "drop_path_rate": 0.0, **settings})


def mixer(seed: int = 0, **settings: Any) -> MlpMixer:
    """Return a narrow MlpMixer of three blocks. No weight is 0 or 1."""
    shape = {"img_size": SIDE, "patch_size": 4, "embed_dim": 16, "num_blocks": 3}
    return _shaken(MlpMixer, seed, {**shape, **settings})  # timm's own names of it fix its shape


def _shaken(create: Callable[..., Any], seed: int, settings: dict[str, Any]) -> Any:
    """Return a model of timm's with other weights than it starts from, so that no omission goes unnoticed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create(**{"num_classes": CLASSES, **settings})
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def pictures(
    samples: int, seed: int = 1, side: int = SIDE, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return random images, [samples, 3, side, side], and labels, [samples].

    Args:
        samples: how many.
        seed: their seed.
        side: the side of an image, in pixels.
        dtype: the data type of the images.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, 3, side, side, generator=generator, dtype=dtype)
    return x, torch.randint(0, CLASSES, (samples,), generator=generator)


def staged(
    model: VisionTransformer | ResNet | SwinTransformer | MlpMixer,
    train: str = "full",
    prompts: int = 0,
    place: str = "after_class",
    attention: str = "fused",
    remember: bool = True,
) -> tuple[Staged, dict[str, Tensor]]:
    """Return the stages of a model, and its weights by the names of stages.

    Args:
        model: the model.
        train: which parameters are trained.
        prompts: how many prompt tokens it has.
        place: where the prompts are.
        attention: how attention is computed.
        remember: whether it remembers costs that it has counted.
    """
    stages = stages_of(model, prompts, place)  # type: ignore[arg-type]
    if prompts:
        with torch.no_grad():
            stages["prompt"].tokens.copy_(torch.randn(1, prompts, model.embed_dim, generator=torch.manual_seed(3)))
    weights = {name: tensor.detach().clone() for name, tensor in nn.ModuleDict(stages).state_dict().items()}
    return Staged(stages, TRAINED[train], attention, remember), weights


def weights_of(tensors: dict[str, Tensor], rate: float = 0.1, dtype: torch.dtype = torch.float32) -> Weights:
    """Return weights that learn by plain SGD.

    Args:
        tensors: the tensors, by name.
        rate: the learning rate.
        dtype: the data type that they get.
    """
    return Weights({name: tensor.to(dtype) for name, tensor in tensors.items()}, Sgd(), rate)


def chain(model: Staged, weights: Weights, cuts: Sequence[int]) -> list[Part]:
    """Return the whole model as parts.

    Args:
        model: the model in stages.
        weights: its weights.
        cuts: the boundaries between the parts, as numbers of stages.
    """
    ranges: list[Ranges] = [((start, stop),) for start, stop in zip((0, *cuts), (*cuts, len(model)), strict=True)]
    return [Part(model, weights, part_ranges) for part_ranges in ranges]
