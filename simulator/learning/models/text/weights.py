"""The weights of a language model from files: safetensors in one or several, `torch.save`, or GGUF."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from simulator.learning.models import checkpoints
from simulator.learning.models.checkpoints import SAFETENSORS, CheckpointError
from simulator.learning.models.text import gguf_file
from simulator.learning.models.text.config import TextConfig
from simulator.learning.models.text.hub import INDEX
from simulator.learning.models.text.model import TextModel
from simulator.learning.models.text.names import from_hugging_face, is_ours

HEAD, CLASSIFIER = "head.head.", ("head.head.", "head.dense.")
"""The last layer, and all that is new where a file has no classifier for this number of classes."""


def load(model: TextModel, path: Path, seed: int = 0, dry: bool = False) -> None:
    """Load the weights of a file into a model, cast to float32.

    The names are those of Hugging Face, of llama.cpp, or of the stages here. The classifier is drawn from the seed if
    the file has none for this number of classes. A language-model head that the file lacks is the embedding of words,
    if the model is tied.

    Args:
        model: the model; on ``meta`` in a dry run.
        path: a file, or a folder with one or several of safetensors.
        seed: of a new classifier.
        dry: whether to check names and shapes only.

    Raises:
        CheckpointError: there is no such file, it cannot be read, or it does not fit the model; the message names the
            path.
    """
    expected = model.stage_state()
    saved = _fitting(read(path, model.config, model.classes is not None, dry), model, expected)
    lacking = [name for name in expected if name not in saved and not name.startswith(CLASSIFIER)]
    surplus = [name for name in saved if name not in expected]
    if model.classes is None and f"{HEAD}weight" not in saved:
        lacking.append(f"{HEAD}weight")
    checkpoints.refuse_others(path, lacking, surplus)
    for name, tensor in saved.items():
        checkpoints.refuse_shape(path, name, tensor, expected[name])
    if dry:
        return
    with torch.no_grad():
        for name, tensor in saved.items():
            expected[name].copy_(tensor)
    model.reset(seed, only=frozenset(expected) - saved.keys())


def read(path: Path, config: TextConfig, classes: bool, dry: bool = False) -> dict[str, Tensor]:
    """Return the weights of a file or folder by their names in stages; on ``meta`` in a dry run.

    Args:
        path: the file or the folder.
        config: of the model that they are for.
        classes: whether the model tells classes apart, rather than predicting the next token.
        dry: whether shapes are enough.

    Raises:
        CheckpointError: there is no such file, or it cannot be read.
    """
    if path.suffix == gguf_file.SUFFIX:
        tensors = gguf_file.read(path, config, dry)
        return {name: t for name, t in tensors.items() if not (classes and name.startswith(HEAD))}
    saved: dict[str, Tensor] = {}
    for file in _files(path):
        saved |= checkpoints.read(file, dry)
    return saved if is_ours(saved) else from_hugging_face(config, saved, classes)


def _files(path: Path) -> list[Path]:
    """Return the files that hold the weights in a folder, or the file itself."""
    if not path.is_dir():
        return [path]
    index = path / INDEX
    if index.is_file():
        try:
            return [path / name for name in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index} is no index of weights ({type(error).__name__})") from error
    files = sorted(path.glob(f"*{SAFETENSORS}")) or sorted(path.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointError(f"the folder {path} has no weights: no file in it ends in {SAFETENSORS}")
    return files


def _fitting(saved: dict[str, Tensor], model: TextModel, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without a head for another purpose, and with that of a tied model."""
    classifier = saved.get(f"{HEAD}weight")
    if model.classes is None:
        if classifier is None and model.config.tied and "embed.tokens.weight" in saved:
            return {**saved, f"{HEAD}weight": saved["embed.tokens.weight"]}
        return saved
    if classifier is None or not classifier.ndim or len(classifier) != model.classes:
        saved = {name: tensor for name, tensor in saved.items() if not name.startswith(HEAD)}
    return {name: t for name, t in saved.items() if name in expected or not name.startswith(CLASSIFIER)}
