"""Models on ``meta`` that are built only where something asks for more than their outlines, which are kept on disk.

To build a model takes a library that is slow to import (timm), and a dry run needs no module once it is known which
stages there are, with which parameters, and what they cost.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import cache, cached_property, lru_cache
from typing import Any

import torch
from torch import nn

from simulator.learning.costs.keys import stage_key
from simulator.learning.costs.known import ADDRESS, versions
from simulator.learning.costs.outlines import Tree, drawn, is_told_by_its_key, outlined
from simulator.learning.data.images import Statistics
from simulator.settings.disk_cache import cache_folder, keep, kept

Stages = dict[str, nn.Module]


class LazyModel:
    """A model on ``meta``, built when one of its attributes is asked for.

    Args:
        key: all that the model depends on, besides versions; empty where it must not be kept on disk.
        build: builds the model.
    """

    def __init__(self, key: str, build: Callable[[], nn.Module]) -> None:
        self.key, self._build = key, build

    @cached_property
    def model(self) -> nn.Module:
        """The model itself, shared by all callers: it must not be changed."""
        return self._build()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # nobody copies or pickles a model that is shared
            raise AttributeError(name)
        return getattr(self.model, name)

    def __repr__(self) -> str:
        return repr(self.model)


def model_key(name: str, *rest: Any) -> str:
    """Return what tells a model of timm's from all others; empty if its name does not.

    A plug-in may have registered a model of its own, even under a name that timm has.

    Args:
        name: the name in timm.
        rest: all else that the model depends on, which ``repr`` shows.
    """
    if cache_folder() is None or ADDRESS.search(repr(rest)):
        return ""
    timm = sys.modules.get("timm")
    if timm and not (timm.is_model(name) and timm.model_entrypoint(name).__module__.startswith("timm.")):
        return ""
    return repr((name, *rest, torch.get_default_dtype()))


@lru_cache(maxsize=16)
def _known(key: str) -> dict[str, tuple[LazyModel, Statistics]]:
    return {}


def lazily(key: str, build: Callable[[], tuple[nn.Module, Statistics]]) -> tuple[Any, Statistics]:
    """Return a ``LazyModel`` that can be built, as this or an earlier process found out, and its statistics.

    Args:
        key: what ``model_key`` returned.
        build: builds the model on ``meta``, and returns it with the statistics of its images.
    """
    full = repr((versions(), key))
    known = _known(full)
    if not known:
        found = kept("model", full)
        if found is None:
            model, found = build()
            keep("model", full, found)
            lazy = LazyModel(key, lambda: model)
        else:
            lazy = LazyModel(key, lambda: build()[0])
        mean, std = map(tuple, found)
        known[full] = lazy, (mean, std)
    return known[full]


def stages_kept(model: LazyModel, added: str, make: Callable[[], Stages]) -> Stages:
    """Return the stages of a model: outlines where an earlier command has left them on disk, or else the stages.

    Args:
        model: the model.
        added: what is added to it, as a text; with the key of the model, all that the stages depend on.
        make: makes the stages, of which nobody else changes anything.
    """
    key = model.key and cache_folder() and repr((versions(), model.key, added))
    if not key:
        return make()
    found = _stages(key, make)
    if found is not None:
        return found
    stages = make()
    if all(is_told_by_its_key(stage) for stage in stages.values()):
        trees: list[Tree] = []
        order = []
        for name, stage in stages.items():
            tree = drawn(stage)
            if tree not in trees:
                trees.append(tree)
            order.append([name, trees.index(tree)])
        value = json.loads(json.dumps({"trees": trees, "stages": order}))
        if _is_faithful(value, stages):
            keep("stages", key, value)
    return stages


def _stages(key: str, make: Callable[[], Stages]) -> Stages | None:
    """Return the outlines of the stages that were kept under a key; None if there are none."""
    value = kept("stages", key)
    if value is None:
        return None
    made = cache(lambda: {name: stage.to("meta") for name, stage in make().items()})
    stages: Stages = {}
    for name, index in value["stages"]:
        outline = outlined(value["trees"][index])
        outline.build = lambda name=name: made()[name]
        stages[name] = outline
    return stages


def _is_faithful(value: Mapping[str, Any], stages: Stages) -> bool:
    """Tell whether outlines have all that is asked of their stages; a stage with one parameter twice has not."""
    for name, index in value["stages"]:
        outline, stage = outlined(value["trees"][index]), stages[name]
        if any(_told(outline, full) != _told(stage, full) for full in (False, True)):
            return False
        if _told(stage, False) != _told(stage, True):
            return False
    return True


def _told(stage: nn.Module, full: bool) -> str:
    """Return the key and all tensors of a stage as text, and tensors that are there twice only where ``full``."""
    tensors = [
        [(name, tuple(tensor.shape), tensor.dtype) for name, tensor in named]
        for named in (
            stage.named_parameters(remove_duplicate=not full),
            stage.named_buffers(remove_duplicate=not full),
            stage.state_dict().items(),
        )
    ]
    return repr((type(stage).__name__, stage_key(stage), tensors))
