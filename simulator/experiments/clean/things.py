"""What could be removed, and how it is recognised: by its content, never by its name alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simulator.experiments.run.folders import OURS
from simulator.experiments.run.manifest import MANIFEST
from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.settings.files import RUN_UNDER_WAY

UNFINISHED = re.compile(r"\.(?P<name>.+?)(-old)?-[a-z0-9_]{8}")
"""The names of what was being written, or being removed, when a process was killed."""
_TRACKED = frozenset({"tensorboard", "wandb"})  # what trackers keep in the folder of a run or a sweep
_RUNS = OURS | _TRACKED | {MANIFEST, "plugins", "digest.json", "failure.json", ".lock", ".lock-owner", RUN_UNDER_WAY}
_SWEEPS = frozenset({"sweep.yaml", "points.csv", "trials", "environment.json", "figures", "report.html", MANIFEST})
_SWEEPS |= _TRACKED | {".lock", ".lock-owner", ".checkpoints", ".slurm"}
_SEARCHES = _SWEEPS - {"sweep.yaml", "points.csv"} | {"search.yaml", "suggestions.csv", "best.yaml", "journal.log"}
_TABLE = re.compile(r"[a-z_]+\.csv")
_FRONT = re.compile(r"front-\d+\.yaml")
_SHARED = re.compile(r"\.shared-[0-9a-f]{32}")
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
    for place in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        with suppress(OSError):  # it may be gone in the meantime
            about = place.lstat()
            size, used = size + about.st_size * (not place.is_dir()), max(used, about.st_mtime)
    return size, used


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
        name, what, ours = _read(stated).get("scenario", {}).get("name"), "unfinished run", _RUNS
    else:
        return None
    if not isinstance(name, str) or not name:
        return None
    return Thing(folder, what, *measured(folder), name, next(_foreign(folder, ours), ""))


def unfinished(folder: Path) -> Iterator[Thing]:
    """Yield what is hidden in a folder since a process was killed there while it wrote or removed something."""
    for path in sorted(folder.glob(".*")):
        if path.is_symlink() or not (match := UNFINISHED.fullmatch(path.name)):
            continue
        if path.is_dir() and next(_foreign(path, _RUNS | _SWEEPS | _SEARCHES), ""):
            continue
        if path.is_file() and not _named_as_ours(match["name"]):
            continue
        yield Thing(path, "left by a process that was killed", *measured(path))


def _named_as_ours(name: str) -> bool:
    known = name in _RUNS | _SWEEPS | _SEARCHES or any(kind.fullmatch(name) for kind in (_TABLE, _TRACE, _FRONT))
    return known or name.endswith((".png", ".html"))


def _foreign(folder: Path, ours: frozenset[str]) -> Iterator[str]:
    """Yield the names in a folder that no command writes there."""
    for path in sorted(folder.iterdir()):
        name = path.name
        inner = name[1:].rpartition("-")[0].removesuffix("-old") if UNFINISHED.fullmatch(name) else name
        kinds = (_TABLE, _TRACE, _SHARED, *[_FRONT] * ("search.yaml" in ours))
        known = inner in ours or any(kind.fullmatch(inner) for kind in kinds)
        if path.is_symlink() or not (known or f".{inner}" in ours):
            yield name


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
