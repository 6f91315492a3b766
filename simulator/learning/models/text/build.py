"""Build a language model that a scenario names: a published one, or one of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from simulator.learning.models.checkpoints import CheckpointError
from simulator.learning.models.stages.base import NotStagedError
from simulator.learning.models.text import gguf_file, hub
from simulator.learning.models.text import weights as files
from simulator.learning.models.text.config import TextConfig, changed, check, shape_changes
from simulator.learning.models.text.hub_config import from_config_json
from simulator.learning.models.text.model import TextModel
from simulator.learning.models.text.presets import PRESETS
from simulator.learning.models.undrawn import Undrawn
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed


def is_text(name: str) -> bool:
    """Tell whether a model is a language model: a published one by its name here, or one of the hub, as "org/model".

    Names with a colon, such as "hf-hub:timm/...", and those of timm's own organisation are timm's.
    """
    return name in PRESETS or ("/" in name and ":" not in name and not name.startswith("timm/"))


def build_text(
    name: str,
    length: int,
    classes: int | None,
    seed: int = 0,
    pretrained: bool = True,
    dry: bool = False,
    weights: str | None = None,
    keywords: Mapping[str, Any] | None = None,
) -> TextModel:
    """Build a language model.

    Args:
        name: the name of a published model here, or of a repository of the Hugging Face hub, as "org/model".
        length: the tokens of a sequence.
        classes: the number of classes, for a classifier; None: the model predicts the next token.
        seed: of new weights.
        pretrained: whether to load published weights.
        dry: whether to build on ``meta``, without weights. The object is shared by all callers and must not be changed.
        weights: a file or a folder to load instead of published weights; see ``weights.load``.
        keywords: fields of the configuration to change.

    Raises:
        UnfitError: there is no such model, it does not take this length, task or keyword, or its weights cannot be
            loaded.
        NotStagedError: the model is of another family, or has a part that is not supported.
    """
    usual = config_of(name, weights)
    config = changed(name, usual, keywords or {})
    if pretrained and not weights and (other := shape_changes(usual, keywords or {})):
        raise UnfitError(
            "keywords",
            None,
            f"with {listed(other)} {name!r} has another shape than its published weights: say 'pretrained: false' for "
            "random weights, or name a file of your own as 'weights'",
        )
    sketch = _on_meta(config, length, classes)  # refuses what cannot be built, too
    if dry:
        if weights and not (weights.endswith(gguf_file.SUFFIX) and not find_spec("gguf")):
            _load(sketch, Path(weights), seed, dry=True)
        return sketch
    model = _undrawn(config, length, classes)
    model.to_empty(device="cpu")
    if weights:
        _load(model, Path(weights), seed)
    elif pretrained:
        _load(model, hub.published(name), seed)
    else:
        model.reset(seed)
    return model


def config_of(name: str, weights: str | None = None) -> TextConfig:
    """Return the configuration of a model: its own here, or from its weights, or from the hub.

    Args:
        name: as of ``build_text``.
        weights: a file or a folder of weights; a GGUF file has the configuration in itself, others beside them.

    Raises:
        UnfitError: it cannot be found.
        NotStagedError: the model is of another family, or has a part that is not supported.
    """
    if name in PRESETS:
        return PRESETS[name].config
    if weights and Path(weights).suffix == gguf_file.SUFFIX:
        try:
            config = gguf_file.config_of(Path(weights))
        except CheckpointError as error:
            raise UnfitError("weights", None, str(error)) from error
    else:
        try:
            config = from_config_json(hub.config_json(name, weights))
        except NotStagedError as error:
            raise NotStagedError(f"{name!r} cannot be used: {error}") from error
    check(config)
    return config


def _undrawn(config: TextConfig, length: int, classes: int | None) -> TextModel:
    with torch.device("meta"), Undrawn():
        return TextModel(config, length, classes)


@lru_cache(maxsize=16)
def _on_meta(config: TextConfig, length: int, classes: int | None) -> TextModel:
    """Return a model without weights; the object is shared by all callers and must not be changed."""
    return _undrawn(config, length, classes)


def _load(model: TextModel, path: Path, seed: int, dry: bool = False) -> None:
    try:
        files.load(model, path, seed, dry)
    except CheckpointError as error:
        raise UnfitError("weights", None, str(error)) from error
