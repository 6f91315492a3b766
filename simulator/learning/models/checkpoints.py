"""Weights from a file: read without running anything in it, and fitted to a model, or refused in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import safe_open
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

SAFETENSORS = ".safetensors"
WITHIN = ("state_dict", "model")
"""Where a training script may have put the weights, beside other things."""
COUNTER = "num_batches_tracked"
"""Of batch norm: not needed, and older files have none."""
NAMED = 3
"""How many names a message lists."""


class CheckpointError(ValueError):
    """A file whose weights cannot be used."""


def load(model: nn.Module, path: Path | str, dry: bool = False) -> None:
    """Put the weights of a file into a model of timm's, by timm's names, cast to float32.

    Position embeddings are resampled to the model's image size. A classifier for another number of classes is left out;
    then, and where the file has none, the model keeps its own.

    Args:
        model: a VisionTransformer or a ResNet; in a dry run, on ``meta``.
        path: what safetensors wrote, or `torch.save` (a state dict, or a dict that has one as "state_dict" or "model").
        dry: only names and shapes are looked at.

    Raises:
        CheckpointError: there is no such file, it cannot be read, or it does not fit; the message names the path.
    """
    found, wanted = _read(Path(path), dry), model.state_dict()
    classifier = _classifier(model)
    if _classes(found, classifier) != _classes(wanted, classifier):
        found = {key: tensor for key, tensor in found.items() if not key.startswith(classifier)}
    lacking = [key for key in wanted if key not in found and not key.startswith(classifier) and COUNTER not in key]
    beyond = [key for key in found if key not in wanted]
    if lacking or beyond:
        problems = [f"lacks {_some(lacking)}"] * bool(lacking) + [f"has also {_some(beyond)}"] * bool(beyond)
        raise CheckpointError(f"{path} does not fit the model: it {', and '.join(problems)}")
    if isinstance(model, VisionTransformer) and "pos_embed" in found:
        found["pos_embed"] = _resampled(found["pos_embed"], model)
    for key, tensor in found.items():
        if tensor.shape != wanted[key].shape:
            shapes = _shape(tensor), _shape(wanted[key])
            raise CheckpointError(f"{path} does not fit the model: {key} is {shapes[0]} there, and {shapes[1]} here")
    if not dry:
        model.load_state_dict(found, strict=False)


def _read(path: Path, dry: bool) -> dict[str, Tensor]:
    """The tensors of a file by name, floating ones as float32; on ``meta`` in a dry run."""
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    try:
        found = _safetensors(path, dry) if path.suffix == SAFETENSORS else _pickled(path, dry)
    except UnpicklingError as error:
        raise CheckpointError(
            f"{path} is no state dict that torch.save wrote, or holds more than tensors, which could run any program "
            f"when it is read: save model.state_dict() alone, or as {SAFETENSORS}"
        ) from error
    except Exception as error:  # each library, and each kind of damage, has its own
        kind = "safetensors" if path.suffix == SAFETENSORS else "a file of torch.save"
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])[:150]
        raise CheckpointError(f"{path} cannot be read as {kind} ({reason})") from error
    if not isinstance(found, Mapping) or not found:
        raise CheckpointError(f"{path} holds no weights: a state dict is wanted, names and tensors")
    other = next((key for key, value in found.items() if not isinstance(value, Tensor)), None)
    if other is not None:
        kind = type(found[other]).__name__
        raise CheckpointError(f"{path} holds no state dict: {other!r} is no tensor, but of the type {kind}")
    return {str(key): tensor.float() if tensor.is_floating_point() else tensor for key, tensor in found.items()}


def _safetensors(path: Path, dry: bool) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        if dry:
            return {key: torch.empty(file.get_slice(key).get_shape(), device="meta") for key in file.keys()}  # noqa: SIM118
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (it is no dict)


def _pickled(path: Path, dry: bool) -> Any:
    found = torch.load(path, map_location="meta" if dry else "cpu", weights_only=True)
    if isinstance(found, Mapping):
        return next((found[key] for key in WITHIN if isinstance(found.get(key), Mapping)), found)
    return found


def _classifier(model: nn.Module) -> str:
    """What the names of a model's classifier begin with."""
    classifier = model.get_classifier()  # type: ignore[operator]
    return next(f"{name}." for name, module in model.named_modules() if module is classifier)


def _classes(tensors: Mapping[str, Tensor], classifier: str) -> int | None:
    """For how many classes there is a classifier; None where there is no classifier."""
    weight = tensors.get(f"{classifier}weight")
    return None if weight is None or not weight.ndim else len(weight)


def _resampled(position: Tensor, vit: VisionTransformer) -> Tensor:
    """Position embeddings [1, T, D] for the model's grid, or what was given if theirs is no square."""
    prefix = 0 if vit.no_embed_class else vit.num_prefix_tokens
    patches = position.shape[1] - prefix if position.ndim == 3 else 0
    if patches < 1 or math.isqrt(patches) ** 2 != patches:
        return position
    return resample_abs_pos_embed(position, list(vit.patch_embed.grid_size), num_prefix_tokens=prefix)


def _some(names: list[str]) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"
