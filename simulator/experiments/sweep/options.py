"""Axes given on the command line, which vary a plain scenario or are added to those of a sweep file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.experiments.sweep.relative import is_relative, values_of
from simulator.settings import yamlfile
from simulator.settings.errors import ScenarioError
from simulator.settings.sources import Source
from simulator.settings.yamlfile import YamlError

_LONGEST = 64
"""The most characters that the name of a folder may have."""
_LEFT_OUT = ("world", "devices", "training", "algorithms", "*")
"""The parts of a key that the name of a folder can do without."""


def with_axes(source: Source, options: Sequence[str]) -> Source:
    """Return the source of a sweep with the axes of the command line.

    An axis of a sweep file that has the same key is replaced where it stands; so is what the file sets at every point,
    unless the axis is relative to it.

    Args:
        source: a sweep file, or a scenario, of which a sweep is made.
        options: each "KEY=VALUES". VALUES are what a sweep file takes, or values separated by commas. KEY may be
            several keys separated by commas, which then take each value together.

    Raises:
        ScenarioError: an option has another form, or two have the same key.
    """
    axes = [_axis(option) for option in options]
    _check_distinct(options, [keys for keys, _ in axes])
    source = (
        _sweep_of(source, [key for keys, _ in axes for key in keys]) if source.kind == "scenario" else source.copy()
    )
    for option, (keys, said) in zip(options, axes, strict=True):
        for key in keys:
            if isinstance(source.data.get("set"), dict) and not _relative(said):
                source.data["set"].pop(key, None)
        if len(keys) == 1:
            _put(source, keys[0], said, f"--axis {option}")
        else:
            _put_together(source, keys, said, f"--axis {option}")
    return source


def _axis(option: str) -> tuple[list[str], Any]:
    """Return the keys of an option, and its values as a sweep file has them."""
    names, equals, text = option.partition("=")
    keys = [key.strip() for key in names.split(",")]
    if not equals or not all(key.strip(". ") for key in keys):
        raise ScenarioError(f"--axis {option}: write it as KEY=VALUES, such as training.rounds=5,10")
    if repeated := next((key for key in keys if keys.count(key) > 1), None):
        raise ScenarioError(f"--axis {option}: {repeated} is named twice")
    try:
        said = yamlfile.parse(text)[0]
    except YamlError:  # as it must be where values in braces are separated by commas
        said = None
    if isinstance(said, list | dict):
        return keys, said
    try:
        return keys, yamlfile.parse(f"[{text}]")[0]
    except YamlError as error:
        raise ScenarioError(f"--axis {option}{error}") from None


def _check_distinct(options: Sequence[str], keys: Sequence[list[str]]) -> None:
    """Raise ``ScenarioError`` if two options, whose keys these are, have one in common."""
    first: dict[str, str] = {}
    for option, own in zip(options, keys, strict=True):
        for key in own:
            if key in first:
                raise ScenarioError(
                    f"--axis {option}: {key} is an axis already, by --axis {first[key]}; give all of its values in one"
                )
            first[key] = option


def _sweep_of(scenario: Source, keys: Sequence[str]) -> Source:
    """Return a sweep of a scenario without any axes, named by the scenario and the keys that are to be axes."""
    sweep = scenario.copy()
    own = scenario.data.get("name") or Path(scenario.path).stem
    varied = "+".join(".".join(part for part in key.split(".") if part not in _LEFT_OUT) or key for key in keys)
    name = re.sub(r"[^\w .+()-]+", "-", f"{own}-{varied}").strip("-. ")
    if len(name) > _LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:6]
        name = f"{name[: _LONGEST - len(digest) - 1]}-{digest}"
    sweep.data = {"name": name, "scenario": Path(scenario.path).name, "axes": {}}
    sweep.lines, sweep.overrides = {}, {}
    return sweep


def _put(source: Source, key: str, said: Any, override: str) -> None:
    """Add an axis to a sweep, or replace that of the same key."""
    groups = source.data.get("zip")
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(group, dict) and key in group:
            group[key] = said
            source.overrides["zip", number, key] = override
            return
    axes = source.data.setdefault("axes", {})
    if isinstance(axes, dict):
        axes[key] = said
        source.overrides["axes", key] = override


def _put_together(source: Source, keys: Sequence[str], said: Any, override: str) -> None:
    """Add axes that move together to a sweep, in place of those of the same keys."""
    groups = source.data.get("zip")
    groups = list(groups) if isinstance(groups, list) else []
    for part in (source.data.get("axes"), *groups):
        for key in keys if isinstance(part, dict) else ():
            part.pop(key, None)
    if any(group == {} for group in groups):  # the lines below would be those of other groups
        groups = [group for group in groups if group != {}]
        source.lines = {path: line for path, line in source.lines.items() if path[:1] != ("zip",) or len(path) == 1}
    source.data["zip"] = [*groups, dict.fromkeys(keys, said)]
    source.overrides["zip", len(groups)] = override


def _relative(said: Any) -> bool:
    """Return whether the values of an axis, as a file has them, are relative; those that are not valid are not."""
    try:
        return is_relative(values_of(said))
    except ValueError:
        return False
