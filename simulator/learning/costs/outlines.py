"""Outlines of stages: the names, parameters and plain numbers of their modules, without anything that computes.

All that a dry run needs of a stage, beside its costs, is in its outline, and an outline can be kept on disk. It takes
no library of models to make one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

KNOWN_AUTHORS = frozenset({"torch", "timm", "simulator"})
"""The packages whose classes are told apart by their names and by the versions of the packages."""
Tree = dict[str, Any]
"""An outline as plain data."""


class Outline(nn.Module):
    """A module that has the names, shapes and numbers of another one, and that computes nothing of its own.

    Attributes:
        build: returns the module that this is the outline of, on ``meta``; None within a stage.
    """

    build: Callable[[], nn.Module] | None = None

    def forward(self, *args: Any) -> Any:
        return original(self)(*args)


def original(module: nn.Module) -> nn.Module:
    """Return the module that an outline, or a sequence of outlines, stands for; any other module itself.

    The same parameters require a gradient.
    """
    if isinstance(module, Outline):
        assert module.build is not None, "a part of a stage is an outline for good"
        built = module.build()
        trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
        for name, parameter in built.named_parameters():
            parameter.requires_grad_(name in trained)
        return built
    if isinstance(module, nn.Sequential) and any(isinstance(stage, Outline) for stage in module):
        return nn.Sequential(OrderedDict((name, original(stage)) for name, stage in module.named_children()))
    return module


def is_told_by_its_key(stage: nn.Module) -> bool:
    """Tell whether all that a stage computes follows from its key and from the versions of known packages.

    A class of a plug-in's may have any name, and a function as an attribute does not show in a key.
    """
    if isinstance(stage, Outline):
        return True
    if isinstance(stage, nn.Sequential) and any(isinstance(part, Outline) for part in stage):
        return all(is_told_by_its_key(part) for part in stage)
    return all(
        type(module).__module__.partition(".")[0] in KNOWN_AUTHORS
        and not (module._forward_hooks or module._forward_pre_hooks)
        and all(
            value is None or isinstance(value, int | float | str | tuple)
            for name, value in vars(module).items()
            if not name.startswith("_")
        )
        for module in stage.modules()
    )


def drawn(module: nn.Module) -> Tree:
    """Return the outline of a module as plain data."""
    return {
        "kind": type(module).__name__,
        "numbers": [
            [name, value] for name, value in vars(module).items() if isinstance(value, int | float | str | tuple)
        ],
        "parameters": [[name, *_shape(tensor)] for name, tensor in module._parameters.items() if tensor is not None],
        "buffers": [
            [name, *_shape(tensor), name not in module._non_persistent_buffers_set]
            for name, tensor in module._buffers.items()
            if tensor is not None
        ],
        "children": [[name, drawn(child)] for name, child in module._modules.items() if child is not None],
    }


def outlined(tree: Tree) -> Outline:
    """Return the module that plain data are the outline of.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: these are no such data.
    """
    made = _kind(tree["kind"])()
    vars(made).update({name: _tuples(value) for name, value in tree["numbers"]})
    for name, shape, dtype in tree["parameters"]:
        made.register_parameter(name, nn.Parameter(_blank(shape, dtype), requires_grad=dtype in FLOATING))
    for name, shape, dtype, persistent in tree["buffers"]:
        made.register_buffer(name, _blank(shape, dtype), persistent)
    for name, child in tree["children"]:
        made.register_module(name, outlined(child))
    return made


FLOATING = ("float32", "float64", "float16", "bfloat16")


@cache
def _kind(name: str) -> type[Outline]:
    """Return the class of outlines of the modules of a class, which has its name."""
    return type(name, (Outline,), {})


def _shape(tensor: Tensor) -> tuple[list[int], str]:
    return list(tensor.shape), str(tensor.dtype).removeprefix("torch.")


def _blank(shape: list[int], dtype: str) -> Tensor:
    return torch.empty(shape, dtype=getattr(torch, dtype), device="meta")


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
