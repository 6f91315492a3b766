"""Load a file of weights into a model: no code in the file is run, and a file that does not fit is refused.

Here a checkpoint is such a file, with the weights of a model that was trained anywhere. For the state from which an
interrupted pre-training resumes, see ``pretraining.loop``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

SAFETENSORS = ".safetensors"
WITHIN = ("state_dict", "model")
"""The keys under which a training script may have saved the weights, beside other things."""
COUNTER = "num_batches_tracked"
"""A buffer of batch norm that is not needed, and that older files lack."""
NAMED = 3
"""How many names a message lists."""


class CheckpointError(ValueError):
    """A file whose weights cannot be used."""


def load(model: nn.Module, path: Path | str, dry: bool = False) -> None:
    """Load the weights of a file into a timm model, by timm's names, cast to float32.

    Position embeddings are resampled to the image size of the model. The model keeps its own classifier if the file has
    none, or one for another number of classes.

    Args:
        model: a VisionTransformer or a ResNet; on ``meta`` in a dry run.
        path: a file written by safetensors or by `torch.save` (a state dict, or a dict that has one as "state_dict" or
            "model").
        dry: whether to check names and shapes only.

    Raises:
        CheckpointError: there is no such file, it cannot be read, or it does not fit the model; the message names the
            path.
    """
    from timm.models.vision_transformer import VisionTransformer

    saved, expected = read(Path(path), dry), model.state_dict()
    classifier = _classifier(model)
    if _classes(saved, classifier) != _classes(expected, classifier):
        saved = {key: tensor for key, tensor in saved.items() if not key.startswith(classifier)}
    lacking = [key for key in expected if key not in saved and not key.startswith(classifier) and COUNTER not in key]
    surplus = [key for key in saved if key not in expected]
    refuse_others(path, lacking, surplus)
    if isinstance(model, VisionTransformer) and "pos_embed" in saved:
        saved["pos_embed"] = _resampled(saved["pos_embed"], model)
    for key, tensor in saved.items():
        refuse_shape(path, key, tensor, expected[key])
    if not dry:
        model.load_state_dict(saved, strict=False)


def refuse_others(path: Path | str, lacking: list[str], surplus: list[str]) -> None:
    """Refuse a file that lacks tensors of a model, or has others.

    Raises:
        CheckpointError: there are such names.
    """
    if lacking or surplus:
        problems = [f"lacks {_some(lacking)}"] * bool(lacking) + [f"also has {_some(surplus)}"] * bool(surplus)
        raise CheckpointError(f"{path} does not fit the model: it {', and '.join(problems)}")


def refuse_shape(path: Path | str, name: str, there: Tensor, here: Tensor) -> None:
    """Refuse a tensor of a file that has another shape than in the model.

    Raises:
        CheckpointError: it has.
    """
    if there.shape != here.shape:
        shapes = f"{name} is {_shape(there)} there, and {_shape(here)} here"
        raise CheckpointError(f"{path} does not fit the model: {shapes}")


def read(path: Path, dry: bool) -> dict[str, Tensor]:
    """Return the tensors of a file by name, floating-point ones as float32; on ``meta`` in a dry run.

    Raises:
        CheckpointError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    try:
        state = _safetensors(path, dry) if path.suffix == SAFETENSORS else _pickled(path, dry)
    except CheckpointError:
        raise
    except UnpicklingError as error:
        raise CheckpointError(
            f"{path} is not a state dict that torch.save wrote, or holds more than tensors, which could run any "
            f"program when it is read: save model.state_dict() alone, or as {SAFETENSORS}"
        ) from error
    except Exception as error:  # each library, and each kind of damage, raises its own
        kind = "safetensors" if path.suffix == SAFETENSORS else "a file of torch.save"
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])[:150]
        raise CheckpointError(f"{path} cannot be read as {kind} ({reason})") from error
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path} holds no weights: a state dict of names and tensors is expected")
    other = next((key for key, value in state.items() if not isinstance(value, Tensor)), None)
    if other is not None:
        kind = type(state[other]).__name__
        raise CheckpointError(f"{path} holds no state dict: {other!r} is not a tensor, but of type {kind}")
    if not dry and (empty := [str(key) for key, tensor in state.items() if tensor.is_meta]):
        raise _valueless(path, empty)
    return {str(key): tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}


def _safetensors(path: Path, dry: bool) -> dict[str, Tensor]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        if dry:
            return {key: torch.empty(file.get_slice(key).get_shape(), device="meta") for key in file.keys()}  # noqa: SIM118
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (it is no dict)


def _pickled(path: Path, dry: bool) -> Any:
    lazily = dry and is_zipfile(path)  # values are then read when they are looked at, that is never
    saved = torch.load(path, map_location="cpu" if lazily else "meta" if dry else "cpu", mmap=lazily, weights_only=True)
    if isinstance(saved, Mapping):
        saved = next((saved[key] for key in WITHIN if isinstance(saved.get(key), Mapping)), saved)
    if lazily and isinstance(saved, Mapping):
        tensors = {key: value for key, value in saved.items() if isinstance(value, Tensor)}
        if empty := [str(key) for key, tensor in tensors.items() if tensor.is_meta]:
            raise _valueless(path, empty)
        return {**saved, **{key: tensor.to("meta") for key, tensor in tensors.items()}}
    return saved


def _valueless(path: Path, names: list[str]) -> CheckpointError:
    return CheckpointError(f"{path} holds tensors without values (on meta): {_some(names)}; save a model with weights")


def _classifier(model: nn.Module) -> str:
    """Return the prefix of the names of a model's classifier."""
    classifier = model.get_classifier()  # type: ignore[operator]
    return next(f"{name}." for name, module in model.named_modules() if module is classifier)


def _classes(tensors: Mapping[str, Tensor], classifier: str) -> int | None:
    """Return the number of classes of the classifier; None where there is no classifier."""
    weight = tensors.get(f"{classifier}weight")
    return None if weight is None or not weight.ndim else len(weight)


def _resampled(position: Tensor, vit: VisionTransformer) -> Tensor:
    """Resample position embeddings [1, T, D] to the grid of a model; return them as given if theirs is no square."""
    from timm.layers import resample_abs_pos_embed

    prefix = 0 if vit.no_embed_class else vit.num_prefix_tokens
    patches = position.shape[1] - prefix if position.ndim == 3 else 0
    if patches < 1 or math.isqrt(patches) ** 2 != patches:
        return position
    return resample_abs_pos_embed(position, list(vit.patch_embed.grid_size), num_prefix_tokens=prefix)


def _some(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"
