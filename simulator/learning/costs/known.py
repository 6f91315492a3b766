"""Figures of stages that an earlier command traced, found on disk, so that this one traces nothing."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from simulator.learning.costs.keys import StageKey
from simulator.learning.costs.outlines import is_told_by_its_key, original
from simulator.settings.disk_cache import cache_folder, keep, kept

PACKAGES = ("sfsim", "timm", "fvcore")
SOURCES = ("accounting/roofline.py", "assets/*.json", "learning/costs/*.py", "learning/models/**/*.py")
"""The files of this package that decide a figure: an edited one makes all figures anew."""
ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")
T = TypeVar("T")


def figure(
    kind: str, stage: nn.Module, keys: tuple[StageKey, ...], rest: tuple[Any, ...], trace: Callable[[nn.Module], T]
) -> T | Any:
    """Return a figure of a stage: as an earlier command has left it on disk, or traced now and left for later ones.

    Args:
        kind: what kind of figure it is.
        stage: the module, or its outline.
        keys: the keys of the stages that it consists of.
        rest: all that the figure depends on besides.
        trace: traces the module.

    Returns:
        What ``trace`` returns, or the same as ``json`` reads it: lists in place of tuples.
    """
    if cache_folder() is None or not is_told_by_its_key(stage):
        return trace(original(stage))
    key = repr((versions(), [_digest(key) for key in keys], rest))
    found = kept(kind, key)
    if found is None:
        found = trace(original(stage))
        if not any(ADDRESS.search(repr(key)) for key in keys):  # an object that another process does not have
            keep(kind, key, found)
    return found


@cache
def versions() -> str:
    """Return what decides the figures of a stage beside the stage: versions, platform, and our own files."""
    found: list[Any] = [torch.__version__, platform.python_version(), platform.system(), platform.machine()]
    for package in PACKAGES:
        try:
            found.append(version(package))
        except PackageNotFoundError:
            found.append("")
    found += sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("TIMM_"))
    root, ours = Path(__file__).parents[2], blake2b(digest_size=16)
    for file in sorted(file for pattern in SOURCES for file in root.glob(pattern)):
        ours.update(file.read_bytes())
    return repr((*found, ours.hexdigest()))


@lru_cache(maxsize=4096)
def _digest(key: StageKey) -> str:
    return blake2b(repr(key).encode(), digest_size=16).hexdigest()
