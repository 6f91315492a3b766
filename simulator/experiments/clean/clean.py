"""Find what can be removed: what killed processes left, costs of models that are kept on disk, and old runs."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from simulator.experiments.clean.things import Thing, finished, listed, measured, unfinished
from simulator.settings.disk_cache import cache_folder, is_entry, is_unfinished
from simulator.settings.errors import ScenarioError
from simulator.settings.files import discard
from simulator.settings.locks import locked

GRACE = 3600.0
"""What was changed in the last so many seconds may still be written by somebody, and stays."""


@dataclass
class Found:
    """What was found.

    Attributes:
        remove: what would be removed.
        stays: what would be removed but for a reason, each with the reason.
    """

    remove: list[Thing] = field(default_factory=list)
    stays: list[tuple[Thing, str]] = field(default_factory=list)


def find(root: Path, older_than: float | None = None, keep: int | None = None, now: float | None = None) -> Found:
    """Find what can be removed.

    Args:
        root: the folder of runs and sweeps.
        older_than: also find runs and sweeps in which nothing was changed for so many seconds.
        keep: also find runs and sweeps, but for so many of the newest of each scenario. With ``older_than``, both must
            hold.
        now: the present, in seconds since 1970.
    """
    now = time.time() if now is None else now
    found = Found()
    results = list(_results(root))
    for thing in _left(root, results):
        if now - thing.used < GRACE:
            found.stays.append((thing, "it was changed less than an hour ago"))
        elif holder := _holder(thing):
            found.stays.append((thing, holder))
        else:
            found.remove.append(thing)
    if older_than is not None or keep is not None:
        for thing in _old(results, now, older_than, keep):
            if thing.foreign:
                found.stays.append((thing, f"it holds {thing.foreign}, which no command writes"))
            elif holder := _holder(thing):
                found.stays.append((thing, holder))
            else:
                found.remove.append(thing)
    found.remove += _cache()
    return found


def remove(thing: Thing) -> bool:
    """Remove something that was found, and return whether it is gone; if somebody uses it by now, it stays."""
    try:
        return _removed(thing)
    except OSError:  # it may not be removed, or somebody writes there
        return False


def _removed(thing: Thing) -> bool:
    if thing.path.is_symlink():
        return False
    if thing.path.is_file():
        thing.path.unlink(missing_ok=True)
    elif thing.what == _COSTS:
        for path in _entries(thing.path):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # something else is there
            thing.path.rmdir()
    elif thing.scenario:
        try:
            with locked(thing.path / ".lock", thing.path, "works there"):
                discard(thing.path)
        except ScenarioError:
            return False
    else:
        shutil.rmtree(thing.path, ignore_errors=True)
    return not thing.path.exists() or thing.what == _COSTS


def _folders(root: Path) -> list[Path]:
    return [path for path in sorted(root.iterdir()) if path.is_dir() and not path.is_symlink()] if root.is_dir() else []


def _results(root: Path) -> Iterator[Thing]:
    """Yield runs and sweeps, but for those that cannot be read."""
    for path in _folders(root):
        with suppress(OSError):
            if thing := finished(path):
                yield thing


def _left(root: Path, results: list[Thing]) -> Iterator[Thing]:
    """Yield what killed processes left beside runs and sweeps, and in them."""
    if root.is_dir():
        yield from unfinished(root)
    for result in results:
        for place in (result.path, result.path / "trials", result.path / "figures", result.path / ".run"):
            if place.is_dir() and not place.is_symlink():
                yield from unfinished(place)


def _old(results: list[Thing], now: float, older_than: float | None, keep: int | None) -> Iterator[Thing]:
    by_scenario: dict[tuple[str, str], list[Thing]] = defaultdict(list)
    for thing in results:
        by_scenario[thing.scenario, thing.what.removeprefix("unfinished ")].append(thing)
    for things in by_scenario.values():
        newest_first = sorted(things, key=lambda thing: thing.used, reverse=True)
        for thing in newest_first[keep or 0 :]:
            if older_than is None or now - thing.used > older_than:
                yield thing


def _holder(thing: Thing) -> str:
    """Return who works in the run or sweep that something belongs to, in words; empty if nobody does."""
    places = (thing.path, *thing.path.parents) if thing.path.is_dir() else thing.path.parents
    for place in places[:3]:
        try:
            if (place / ".lock").is_file():
                with locked(place / ".lock", place, "works there"):
                    pass
        except ScenarioError as error:
            return str(error).removeprefix(f"{place}: ")
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
    return ""


_COSTS = "costs of models, which are computed again when they are needed"


def _cache() -> list[Thing]:
    """Return the folder in which costs of models are kept, if there is one with something in it."""
    folder = cache_folder()
    place = folder / "costs" if folder else None
    if place is None or place.is_symlink():
        return []
    entries = _entries(place)
    size = sum(measured(path)[0] for path in entries)
    return [Thing(place, _COSTS, size, measured(place)[1])] if entries else []


def _entries(place: Path) -> list[Path]:
    """Return the files of the cache, and what was left unfinished among them."""
    named = (path for path in listed(place) if is_entry(path.name) or is_unfinished(path.name))
    return [path for path in named if path.is_file() and not path.is_symlink()]
