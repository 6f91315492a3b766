"""Models that a scenario can name: the bundled ViT, the same with random weights, or one of timm's families."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import torch
from torch import nn

from simulator.learning.data.images import Statistics
from simulator.learning.models import checkpoints
from simulator.learning.models.checkpoints import CheckpointError
from simulator.learning.models.lazy import lazily, model_key
from simulator.learning.models.stages import FAMILIES, NotStagedError
from simulator.learning.models.text.hub import quiet_downloads
from simulator.learning.models.text.presets import PRESETS
from simulator.learning.models.undrawn import Undrawn
from simulator.settings.bounds import keyword_problem
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

BUNDLED = "vit_mini_p4_32"
OURS = ("bundled", "random")
WANTED = f"{FAMILIES} is wanted"
SAID_ELSEWHERE = {
    "img_size": "use image_size, beside the keywords",
    "num_classes": "the data say how many classes there are",
    "in_chans": "images have three channels",
    "pretrained": "it is a key of its own, beside the keywords",
    "device": "use torch_device",
    "dtype": "all computing is in float32",
}
"""The arguments of timm that are not allowed as keywords, and where a scenario sets them."""


class Built(NamedTuple):
    """A model that was built.

    Attributes:
        model: the model with its weights; in a dry run, on ``meta``, or a ``LazyModel``, which has its attributes.
        statistics: the mean and standard deviation of each channel, by which its images are normalised.
    """

    model: nn.Module
    statistics: Statistics


def build(
    name: str,
    image_size: int,
    classes: int,
    seed: int,
    pretrained: bool = True,
    dry: bool = False,
    weights: str | None = None,
    keywords: Mapping[str, Any] | None = None,
) -> Built:
    """Build a model that a scenario names.

    Args:
        name: ``bundled``, ``random`` (the shape of the bundled model) or the name of a model in timm.
        image_size: the width and height of images in pixels; position embeddings are resampled to it.
        classes: the number of classes; if the weights are for another number, the classifier is new.
        seed: of new weights.
        pretrained: for a timm model, whether to load its published weights.
        dry: whether to build on ``meta``, without weights. The object is shared by all callers and must not be changed.
        weights: a file to load instead of published weights; see ``checkpoints.load``.
        keywords: further arguments of timm, for a timm model; they can change its shape.

    Raises:
        UnfitError: there is no such model, it does not take this size or a keyword, or its weights cannot be loaded.
        NotStagedError: the model is in timm, but of another family.
    """
    recipe = _recipe() if name in OURS else {}
    key = model_key(recipe.get("timm", name), name, image_size, classes, pretrained, sorted((keywords or {}).items()))
    if dry and not weights and key:
        return Built(*lazily(key, lambda: _built(name, image_size, classes, 0, pretrained, True, None, keywords)))
    return Built(*_built(name, image_size, classes, seed, pretrained, dry, weights, keywords))


def takes_images(name: str) -> bool:
    """Tell whether there is a model of images of this name: one of ours, or one that timm knows."""
    import timm  # late, for it takes seconds

    return name in OURS or timm.models.is_model(name)


def _built(
    name: str,
    image_size: int,
    classes: int,
    seed: int,
    pretrained: bool,
    dry: bool,
    weights: str | None,
    keywords: Mapping[str, Any] | None,
) -> tuple[nn.Module, Statistics]:
    if name in OURS:
        return _ours(name, image_size, classes, seed, dry, weights, keywords)
    if not takes_images(name):
        import timm

        near = near_miss(name, (*OURS, *PRESETS, *timm.list_models()))
        use = "bundled, random, the name of a timm model, or for texts of a language model such as gpt2"
        problem = f"no model is called {name!r}{near or ';'} Use {use}"
        raise UnfitError("name", name, problem)
    return _from_timm(name, image_size, classes, seed, pretrained, dry, weights, keywords or {})


def _from_timm(
    name: str,
    image_size: int,
    classes: int,
    seed: int,
    pretrained: bool,
    dry: bool,
    weights: str | None,
    keywords: Mapping[str, Any],
) -> tuple[nn.Module, Statistics]:
    from timm.models.mlp_mixer import MlpMixer
    from timm.models.resnet import ResNet
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.vision_transformer import VisionTransformer

    kind = _kind(name)
    if not issubclass(kind, VisionTransformer | ResNet | SwinTransformer | MlpMixer):
        raise NotStagedError(f"{name!r} is a {kind.__name__}; {WANTED}")
    _check_keywords(name, kind, keywords)
    arguments: dict[str, Any] = {"num_classes": classes}
    if not issubclass(kind, ResNet):  # it takes images of any size
        arguments["img_size"] = image_size
    if issubclass(kind, SwinTransformer) and "drop_path_rate" not in keywords:
        arguments["drop_path_rate"] = 0  # timm's own is more, and stages refuse it
    sketch = _sketch(name, image_size, arguments, keywords)
    published = pretrained and not weights
    if published and keywords:
        _check_published(name, sketch, _create(name, seed, dry=True, **arguments), keywords)
    model = sketch
    if not dry:
        try:
            with quiet_downloads():
                model = _create(name, seed, dry=False, pretrained=published, **arguments, **keywords)
        except Exception as error:  # any library between here and the network raises its own
            if not published:
                raise
            why = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"
            raise UnfitError(
                "name",
                name,
                f"the published weights of {name!r} could not be downloaded ({why}): connect to the network once, or "
                "say 'pretrained: false' for random weights",
            ) from error
    if weights:
        _load(model, weights, dry)
    config: dict[str, Any] = model.pretrained_cfg  # type: ignore[assignment]
    return model, (tuple(config["mean"]), tuple(config["std"]))


@lru_cache(maxsize=16)
def _kind(name: str) -> type[nn.Module]:
    """Return the class of a timm model."""
    return type(_create(name, seed=0, dry=True))


def _check_keywords(name: str, kind: type[nn.Module], keywords: Mapping[str, Any]) -> None:
    allowed = [key for key in inspect.signature(kind).parameters if key not in SAID_ELSEWHERE]
    for key, value in keywords.items():
        if key in SAID_ELSEWHERE:
            raise UnfitError(("keywords", key), value, f"{key} is not a keyword here: {SAID_ELSEWHERE[key]}")
        if key not in allowed:
            problem = f"{name!r} takes no such keyword{near_miss(key, allowed)}"
            raise UnfitError(("keywords", key), value, problem, listed(allowed))
        if problem := keyword_problem(key, value):
            raise UnfitError(("keywords", key), value, problem)


def _sketch(name: str, image_size: int, arguments: dict[str, Any], keywords: Mapping[str, Any]) -> nn.Module:
    """Build a timm model on ``meta``, which is cheap, to find out whether it can be built at all."""
    from timm.models.vision_transformer import VisionTransformer

    try:
        model = _create(name, seed=0, dry=True, **arguments, **keywords)
        if not isinstance(model, VisionTransformer):  # images may be too small for one of its layers
            model.eval()(torch.empty(1, 3, image_size, image_size, device="meta"))
    except Exception as error:  # a wrong keyword can raise anything
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        if keywords:
            problem = f"{name!r} cannot be built with these keywords for {image_size} x {image_size} pixels: {why}"
            raise UnfitError("keywords", None, problem) from error
        problem = f"{name!r} cannot be built for {image_size} x {image_size} pixels: {why}"
        raise UnfitError("image_size", image_size, problem) from error
    if isinstance(model, VisionTransformer):
        _check_patches(f"{name!r}", model.patch_embed.patch_size[0], image_size)
    return model


def _check_patches(name: str, patch: int, image_size: int) -> None:
    if image_size % patch:
        problem = f"{name} cuts images into patches of {patch} pixels: {image_size} is not a multiple of {patch}"
        raise UnfitError("image_size", image_size, problem)


def _check_published(name: str, model: nn.Module, usual: nn.Module, keywords: Mapping[str, Any]) -> None:
    """Refuse keywords that change the shape of a model, if its published weights are to be loaded."""
    shape, published = ({key: tuple(t.shape) for key, t in built.state_dict().items()} for built in (model, usual))
    if shape != published:
        raise UnfitError(
            "keywords",
            None,
            f"with {listed(keywords)} {name!r} has another shape than its published weights: say 'pretrained: false' "
            "for random weights, or name a file of your own as 'weights'",
        )


def _create(name: str, seed: int, dry: bool, pretrained: bool = False, **settings: Any) -> nn.Module:
    if dry and not pretrained:
        return _on_meta(name, json.dumps(settings))
    return _made(name, seed, dry, pretrained, **settings)


@lru_cache(maxsize=8)
def _on_meta(name: str, settings: str) -> nn.Module:
    """Return a model without weights; the object is shared by all callers and must not be changed."""
    return _made(name, seed=0, dry=True, pretrained=False, **json.loads(settings))


def _made(name: str, seed: int, dry: bool, pretrained: bool, **settings: Any) -> nn.Module:
    import timm

    device = torch.device("meta" if dry else "cpu")
    with torch.random.fork_rng(devices=[]), device, Undrawn() if dry else nullcontext():
        torch.manual_seed(seed)  # timm draws from torch's global generator
        return timm.create_model(name, pretrained=pretrained, **settings)


def _load(model: nn.Module, weights: str, dry: bool) -> None:
    try:
        checkpoints.load(model, weights, dry)
    except CheckpointError as error:
        raise UnfitError("weights", None, str(error)) from error


def _ours(
    name: str,
    image_size: int,
    classes: int,
    seed: int,
    dry: bool,
    weights: str | None,
    keywords: Mapping[str, Any] | None,
) -> tuple[nn.Module, Statistics]:
    recipe = _recipe()
    shape, statistics = recipe["model"], (tuple(recipe["mean"]), tuple(recipe["std"]))
    if keywords:
        problem = f"the shape of the {name} model is fixed: name {recipe['timm']!r}, on which it is built, to change it"
        raise UnfitError("keywords", None, problem)
    if weights and name == "bundled":
        problem = "the bundled model has its own weights: use 'name: random' to load others into its shape"
        raise UnfitError("weights", None, problem)
    _check_patches(f"the {name} model", shape["patch_size"], image_size)
    model = _create(recipe["timm"], seed, dry, **{**shape, "img_size": image_size, "num_classes": classes})
    if weights:
        _load(model, weights, dry)
    elif name == "bundled" and not dry:
        with as_file(files("simulator") / "assets" / f"{BUNDLED}.safetensors") as path:
            checkpoints.load(model, path)
    return model, statistics


def _recipe() -> dict[str, Any]:
    """Return how the bundled model is made of one of timm's."""
    recipe: dict[str, Any] = json.loads((files("simulator") / "assets" / f"{BUNDLED}.json").read_text())
    return recipe
