"""What could be removed, and how it is recognised: by its content, never by its name alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from simulator.experiments.run.folders import OURS, STATED
from simulator.experiments.run.manifest import MANIFEST
from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.settings.files import RUN_UNDER_WAY

UNFINISHED = re.compile(r"\.(?P<name>.+?)(-old)?-[0-9a-f]{8}")
"""The names of what was being written, or being removed, when a process was killed."""
_TRACKED = frozenset({"tensorboard", "wandb"})  # what trackers keep in the folder of a run or a sweep
_RUNS = OURS | _TRACKED | {MANIFEST, "plugins", "digest.json", "failure.json", ".lock", ".lock-owner", RUN_UNDER_WAY}
_SWEEPS = frozenset({"sweep.yaml", "points.csv", "trials", "environment.json", "figures", "report.html", MANIFEST})
_SWEEPS |= _TRACKED | {".lock", ".lock-owner", ".checkpoints", ".slurm"}
_SEARCHES = _SWEEPS - {"sweep.yaml", "points.csv"} | {"search.yaml", "suggestions.csv", "best.yaml", "journal.log"}
_FRONT = re.compile(r"front-\d+\.yaml")
_SHARED = re.compile(r"\.shared-[0-9a-f]{32}")
_WORK = frozenset({STATED, "trials", "checkpoints", "new", "progress"})
_TABLES = frozenset({"rounds.csv", "breakdown.csv", "clients.csv", "queues.csv", "waits.csv", "critical_path.csv"})
_TABLES |= {"waste.csv", "costs.csv"}
_MARKS = (SUMMARY, LEDGER, "scenario.yaml", RUN_UNDER_WAY, "sweep.yaml", "search.yaml", STATED, "failure.json")
"""By one of these, a hidden folder of whatever name is recognised as what was to be a run, a sweep or a trial."""
_FIGURE = re.compile(
    r"((accuracy|loss)_vs_[a-z]+|personal_accuracy_vs_time|where_it_goes|round_timeline|label_histogram|devices_by_group"
    r"|(over_axis|heat_map|break_even|pareto)_\w+|history|front(_\w+)?)\.png"
)
_LEDGERS = re.compile(r"[a-z_]+\.parquet")
_PLUGIN = re.compile(r".+\.py|__pycache__")
_TRACE = re.compile(r"trace(-.+)?\.json\.gz")


@dataclass(frozen=True)
class Thing:
    """Something that could be removed.

    Attributes:
        path: where it is.
        what: what it is, in words.
        size: how large it is, in bytes.
        used: when anything in it was last changed, in seconds since 1970.
        scenario: the name of its scenario, sweep or search; empty if it is none of a run, a sweep and a search.
        foreign: the first name in it that no command writes; empty if there is none.
    """

    path: Path
    what: str
    size: int
    used: float
    scenario: str = ""
    foreign: str = ""


def measured(path: Path) -> tuple[int, float]:
    """Return the bytes of a file or of all files in a folder, and when anything there was last changed."""
    size, used = 0, 0.0
    for place in (path, *_within(path)):
        with suppress(OSError):  # it may be gone in the meantime
            about = place.lstat()
            size, used = size + about.st_size * (not place.is_dir()), max(used, about.st_mtime)
    return size, used


def listed(folder: Path) -> list[Path]:
    """Return what is in a folder, in alphabetical order; nothing if it is not there any more, or cannot be read."""
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def finished(folder: Path) -> Thing | None:
    """Return a run, a sweep or a search, finished or not, if a folder is one; else None. Links are never followed."""
    if folder.is_symlink() or not folder.is_dir() or folder.name.startswith("."):
        return None
    if (folder / "sweep.yaml").is_file() and (folder / "trials").is_dir():
        name, what, ours = _name_in(folder / "sweep.yaml"), "sweep", _SWEEPS
    elif (folder / "search.yaml").is_file() and (folder / "trials").is_dir():
        name, what, ours = _name_in(folder / "search.yaml"), "search", _SEARCHES
    elif (folder / SUMMARY).is_file() and (folder / LEDGER).is_dir():
        name, what, ours = _run_name(folder), "run", _RUNS
    elif (stated := folder / RUN_UNDER_WAY / "run.json").is_file():
        name, what, ours = _stated_name(stated), "unfinished run", _RUNS
    else:
        return None
    if not isinstance(name, str) or not name:
        return None
    return Thing(folder, what, *measured(folder), name, next(_foreign(folder, ours), ""))


def unfinished(folder: Path) -> Iterator[Thing]:
    """Yield what is hidden in a folder since a process was killed there while it wrote or removed something."""
    for path in listed(folder):
        if not (match := UNFINISHED.fullmatch(path.name)) or not _is_left(path, match["name"]):
            continue
        yield Thing(path, "left by a process that was killed", *measured(path))


def _is_left(path: Path, name: str) -> bool:
    """Return whether something hidden was to become what has a name; a folder must look like it, too."""
    with suppress(OSError):
        if path.is_symlink():
            return False
        if not path.is_dir():
            return _named_as_ours(name)
        ours = _WORK | _RUNS if f".{name}" == RUN_UNDER_WAY else _RUNS | _SWEEPS | _SEARCHES
        marked = any((path / mark).exists() for mark in _MARKS)
        return (marked or _named_as_ours(name) or f".{name}" in ours) and not next(_foreign(path, ours), "")
    return False


def _named_as_ours(name: str) -> bool:
    known = name in _RUNS | _SWEEPS | _SEARCHES | _TABLES | {"compare.html"}
    return known or any(kind.fullmatch(name) for kind in (_TRACE, _FIGURE, _FRONT))


def _foreign(folder: Path, ours: frozenset[str]) -> Iterator[str]:
    """Yield the names in a folder that no command writes there, or that the manifest of the folder lacks."""
    for path, name in _inner(folder):
        kinds = (_TRACE, _SHARED, *[_FRONT] * ("search.yaml" in ours))
        known = name in ours or name in _TABLES or any(kind.fullmatch(name) for kind in kinds)
        if path.is_symlink() or not (known or f".{name}" in ours):
            yield path.name
        elif name in _INSIDE and path.is_dir():
            yield from (f"{path.name}/{inner}" for inner in _INSIDE[name](path))
    files = _read(folder / MANIFEST).get("files")
    if not isinstance(files, dict):
        return
    for path in _within(folder):
        parts = path.relative_to(folder).parts
        apart = parts[0] in _TRACKED | {MANIFEST} or _TRACE.fullmatch(parts[0]) or "__pycache__" in parts
        if not (apart or any(part[0] == "." for part in parts) or path.is_dir() or "/".join(parts) in files):
            yield "/".join(parts)


def _inner(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield what is in a folder, each with its name, or with that which it was to have when it is done."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:  # it is gone in the meantime
        return
    for path in paths:
        match = UNFINISHED.fullmatch(path.name)
        yield path, match["name"] if match else path.name


def _unlike(kind: re.Pattern[str], folder: Path) -> Iterator[str]:
    """Yield the names in a folder that are not of a kind."""
    return (path.name for path, name in _inner(folder) if path.is_symlink() or not kind.fullmatch(name))


def _in_each(found: Callable[[Path], Iterator[str]], folder: Path) -> Iterator[str]:
    """Yield what is no folder in a folder, and what is found in those that are."""
    for path, _ in _inner(folder):
        if path.is_symlink() or not path.is_dir():
            yield path.name
        else:
            yield from (f"{path.name}/{inner}" for inner in found(path))


_INSIDE: dict[str, Callable[[Path], Iterator[str]]] = {
    "figures": partial(_unlike, _FIGURE),
    "plugins": partial(_unlike, _PLUGIN),
    LEDGER: partial(_in_each, partial(_unlike, _LEDGERS)),
    "trials": partial(_in_each, partial(_foreign, ours=_RUNS)),
}
"""By name of a folder in a run or a sweep, what yields the names in it that no command writes there."""


def _within(folder: Path) -> Iterator[Path]:
    """Yield everything in a folder, and in folders in it; links are not followed, and what is gone is left out."""
    if not folder.is_symlink():
        for place, folders, files in os.walk(folder):
            yield from (Path(place, name) for name in (*folders, *files))


def _stated_name(path: Path) -> object:
    scenario = _read(path).get("scenario")
    return scenario.get("name") if isinstance(scenario, dict) else None


def _run_name(folder: Path) -> object:
    summary = _read(folder / SUMMARY)
    return summary.get("scenario") if isinstance(summary.get("trials"), list) else None


def _name_in(path: Path) -> object:
    """Return the name of a sweep or a search by the file that describes it."""
    with suppress(OSError, ValueError, yaml.YAMLError):
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        return described.get("name") if isinstance(described, dict) else None
    return None


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}
