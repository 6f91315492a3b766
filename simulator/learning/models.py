"""Models a scenario can name: the bundled ViT, the same with random weights, or a timm VisionTransformer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import timm
import torch
from safetensors.torch import load_file
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from simulator.learning.data import Statistics
from simulator.learning.stages import NotStagedError
from simulator.wording import near_miss

BUNDLED = "vit_mini_p4_32"
WANTED = "a timm VisionTransformer is wanted"


class ModelError(ValueError):
    """A model that cannot be built as asked for."""


class Built(NamedTuple):
    """A model with its weights, and how its images are normalised."""

    model: VisionTransformer
    statistics: Statistics


def build(name: str, image_size: int, classes: int, seed: int, pretrained: bool = True, dry: bool = False) -> Built:
    """Build a model.

    Args:
        name: ``bundled``, ``random`` (the bundled one's shape) or the name of a timm VisionTransformer.
        image_size: pixels a side; position embeddings are resampled to it.
        classes: the classifier is always new where the checkpoint has another number of classes.
        seed: of what is drawn: new weights.
        pretrained: for a timm model, whether to load its published weights.
        dry: on ``meta``, without weights.

    Raises:
        ModelError: no such model, a size it cannot take, or weights that cannot be had.
        NotStagedError: timm has it, but it is no VisionTransformer.
    """
    if name in ("bundled", "random"):
        return _bundled(name == "bundled", image_size, classes, seed, dry)
    if not timm.models.is_model(name):
        near = near_miss(name, ("bundled", "random", *timm.list_models()))
        raise ModelError(f"no model is called {name!r}{near or ';'} Use bundled, random or the name of a timm model")
    return _from_timm(name, image_size, classes, seed, pretrained, dry)


def _from_timm(name: str, image_size: int, classes: int, seed: int, pretrained: bool, dry: bool) -> Built:
    settings = {"img_size": image_size, "num_classes": classes}
    try:  # on meta, which costs nothing: is it a model that we can use?
        model = _create(name, seed, dry=True, pretrained=False, **settings)
    except TypeError as error:
        raise NotStagedError(f"{name!r} is a model without an image size; {WANTED}") from error
    except (AssertionError, ValueError) as error:
        raise ModelError(f"{name!r} cannot be built for {image_size} x {image_size} pixels: {error}") from error
    if not isinstance(model, VisionTransformer):
        raise NotStagedError(f"{name!r} is a {type(model).__name__}; {WANTED}")
    patch = model.patch_embed.patch_size[0]
    if image_size % patch:
        raise ModelError(f"{name!r} cuts images into patches of {patch} pixels: {image_size} is no multiple")
    if not dry:
        try:
            with _without_retries_told():
                model = _create(name, seed, dry=False, pretrained=pretrained, **settings)
        except Exception as error:  # of any library between here and the network
            if not pretrained:
                raise
            why = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"
            raise ModelError(
                f"the published weights of {name!r} could not be downloaded ({why}): connect to the network once, or "
                "say 'pretrained: false' for random weights"
            ) from error
    config: dict[str, Any] = model.pretrained_cfg  # type: ignore[assignment]
    return Built(model, (tuple(config["mean"]), tuple(config["std"])))  # type: ignore[arg-type]


@contextmanager
def _without_retries_told() -> Iterator[None]:
    """Offline, huggingface_hub tells of every try; one message at the end says it all."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _create(name: str, seed: int, dry: bool, **settings: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]), torch.device("meta" if dry else "cpu"):  # timm draws from the global stream
        torch.manual_seed(seed)
        return timm.create_model(name, **settings)


def _bundled(with_weights: bool, image_size: int, classes: int, seed: int, dry: bool) -> Built:
    recipe = json.loads((files("simulator") / "assets" / f"{BUNDLED}.json").read_text())
    shape, statistics = recipe["model"], (tuple(recipe["mean"]), tuple(recipe["std"]))
    patch = shape["patch_size"]
    if image_size % patch:
        raise ModelError(f"the bundled model cuts images into patches of {patch} pixels: {image_size} is no multiple")
    model = _create(recipe["timm"], seed, dry, **{**shape, "img_size": image_size, "num_classes": classes})
    assert isinstance(model, VisionTransformer)
    if with_weights and not dry:
        with as_file(files("simulator") / "assets" / f"{BUNDLED}.safetensors") as path:
            weights = {key: tensor.float() for key, tensor in load_file(path).items()}
        if classes != recipe["classes"]:
            weights = {key: tensor for key, tensor in weights.items() if not key.startswith("head.")}
        side = image_size // patch
        weights["pos_embed"] = resample_abs_pos_embed(weights["pos_embed"], [side, side], num_prefix_tokens=1)
        lacking = model.load_state_dict(weights, strict=False)
        assert all(key.startswith("head.") for key in lacking.missing_keys), lacking
        assert not lacking.unexpected_keys, lacking
    return Built(model, statistics)
