"""The folder of a run: claimed when it starts, and never half-written.

What is under way is in the hidden folder ``.run`` in it: the finished trials, the checkpoints of the others, the tables
so far (``new``), and what the run is (``run.json``). When all trials are done, the tables take the place of what was
there, and it goes away.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulator.experiments.run.manifest import MANIFEST, write_manifest
from simulator.experiments.run.parts import Part, Parts
from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.settings.disk import CannotWriteError, check_place, written
from simulator.settings.errors import MessageError, ScenarioError
from simulator.settings.files import (
    RUN_SO_FAR,
    RUN_UNDER_WAY,
    atomically,
    discard,
    finish_replacement,
    remove_unfinished,
    start_replacement,
)
from simulator.settings.locks import locked
from simulator.settings.plugin_files import files_of
from simulator.settings.wording import first_difference, shown

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

LOCK, STATED = ".lock", "run.json"
_LOCKS = (LOCK, f"{LOCK}-owner")
_KINDS = {
    "version": "of another version of sfsim",
    "dry": "of another kind",
    "scenario": "of another scenario",
    "plugins": "with other plug-ins",
}
"""What a run is if it differs in one of these from that which is asked for."""
OURS = frozenset(
    {SUMMARY, LEDGER, MANIFEST, "scenario.yaml", "environment.json", "figures", "report.html", "explorer.json"}
)
"""Names that a run gives to what it writes, beside its tables."""


class FolderTakenError(MessageError, FileExistsError):
    """The folder for a run holds something that may not be replaced."""


class CompleteError(MessageError):
    """There is nothing to resume: the run is complete."""


def free_folder(scenario: str, root: Path = Path("runs")) -> Path:
    """Make ``runs/<scenario>-<n>`` with the first free number, and return it; it is empty."""
    number = 1
    with written(root / scenario):
        root.mkdir(parents=True, exist_ok=True)
        while True:
            folder = root / f"{scenario}-{number}"
            with suppress(FileExistsError):  # also where another run takes it at the same moment
                folder.mkdir()
                return folder
            number += 1


def unfinished_folder(scenario: str, root: Path = Path("runs")) -> Path:
    """Return the newest folder ``runs/<scenario>-<n>`` with a run that is not complete.

    Raises:
        ScenarioError: there is none.
    """
    found: dict[Path, float] = {}
    for place in root.glob(f"*/{RUN_UNDER_WAY}/{STATED}"):
        if re.fullmatch(rf"{re.escape(scenario)}-\d+", place.parents[1].name):
            with suppress(FileNotFoundError):  # it is complete by now
                found[place.parents[1]] = place.stat().st_mtime
    if not found:
        complete = sorted(root.glob(f"{glob.escape(scenario)}-*/{SUMMARY}"), key=lambda path: path.stat().st_mtime)
        newest = f"; {complete[-1].parent} is complete" if complete else ": name its folder with --out"
        raise ScenarioError(f"there is no unfinished run of {scenario} in {root}{newest}")
    return max(found, key=found.__getitem__)


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run that is under way.

    Attributes:
        folder: the folder. Until the run is complete, an earlier one in it stays as it is.
    """

    folder: Path

    @property
    def work(self) -> Path:
        """Where what is under way is."""
        return self.folder / RUN_UNDER_WAY

    @property
    def parts(self) -> Parts:
        """The finished trials."""
        return Parts(self.work / "trials")

    def checkpoint(self, key: str) -> Path:
        """Return where the checkpoint of a trial is, if it has one."""
        return self.work / "checkpoints" / f"{key}.safetensors"

    def join(self, parts: Sequence[Part]) -> None:
        """Bring the tables of the finished trials up to date; what reads the folder finds them."""
        if parts:
            self.parts.join(self.folder / RUN_SO_FAR, parts)

    def complete(self, parts: Sequence[Part]) -> None:
        """Show all trials in the folder, in the place of an earlier run if there is one, and remove what is hidden."""
        with written(self.folder):
            self._put(parts)

    def _put(self, parts: Sequence[Part]) -> None:
        self.join(parts)
        write_manifest(self.folder / RUN_SO_FAR)
        start_replacement(self.folder, [path.name for path in _others(self.folder)] if holds_a_run(self.folder) else [])

    @property
    def is_empty(self) -> bool:
        """Whether no trial is finished, and none has a checkpoint."""
        return not any(next((self.work / name).glob("*"), None) for name in ("trials", "checkpoints"))


@contextmanager
def claimed(folder: Path, scenario: Scenario, dry: bool, *, force: bool, resume: bool) -> Iterator[RunFolder]:
    """Claim a folder for a run, and lock it; at the end, leave nothing in it if no trial has come to anything.

    Args:
        folder: the folder of the run; it need not exist.
        scenario: what is run.
        dry: whether it is simulated without training.
        force: replace an earlier run, finished or not; other files in a folder without a run are kept.
        resume: go on with the unfinished run that is there.

    Raises:
        FolderTakenError: it is a file, or holds something that may not be replaced. The message says what.
        CompleteError: ``resume``, and the run that is there is complete.
        ScenarioError: ``resume``, and there is no unfinished run, or that of another scenario; or another process works
            in the folder.
    """
    check_place(folder)
    named, folder = folder, Path(os.path.realpath(folder))
    _check_length(named, folder, scenario)
    if folder.exists() and not folder.is_dir():
        raise FolderTakenError(f"{named} is a file: name a folder with --out")
    if resume and not folder.is_dir():
        raise ScenarioError(f"{named}: there is no such folder, so there is nothing to resume")
    created = [place for place in (folder, *folder.parents) if not place.exists()]
    with written(folder):
        if folder.is_dir() and not any((folder / name).exists() for name in (LOCK, RUN_UNDER_WAY)):
            _check(named, folder, _stated(scenario, dry), force, resume)  # a refusal leaves no lock among others' files
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK, named, "writes this run"):
        try:
            with written(folder):
                finish_replacement(folder)
                stated = _stated(scenario, dry)
                _check(named, folder, stated, force, resume)
                run = _opened(folder, stated, resume)
            try:
                yield run
            finally:
                if run.work.exists() and run.is_empty:
                    shutil.rmtree(run.work, ignore_errors=True)
        finally:
            _leave(folder, created)


def _check_length(named: Path, folder: Path, scenario: Scenario) -> None:
    """Check that the longest path that a run will write is not too long, before anything is run."""
    label = max((entry.label for entry in scenario.algorithms), key=len)
    longest = folder / RUN_UNDER_WAY / "trials" / ("x" * 40) / LEDGER / f"{label}-{max(scenario.seeds)}" / ("x" * 40)
    try:
        os.stat(longest)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise CannotWriteError(error.errno, os.strerror(error.errno), str(named)) from None


def _opened(folder: Path, stated: dict[str, Any], resume: bool) -> RunFolder:
    """Prepare what is hidden in a folder, which is locked; arguments as of ``claimed``."""
    work = folder / RUN_UNDER_WAY
    for name in (RUN_UNDER_WAY.lstrip("."), "shared", *OURS):
        remove_unfinished(folder, name)  # and nothing else that is hidden: the folder may be anybody's
    if not resume:
        discard(work)
    work.mkdir(exist_ok=True)
    for place in (work, work / "trials", work / "checkpoints", folder / RUN_SO_FAR):
        if place.is_dir():
            remove_unfinished(place)
    shutil.rmtree(work / "progress", ignore_errors=True)
    atomically(work / STATED, lambda partial: partial.write_text(json.dumps(stated), encoding="utf-8"))
    return RunFolder(folder)


def _others(folder: Path) -> list[Path]:
    """Return what is in a folder beside what only protects and prepares a run."""
    return [path for path in folder.iterdir() if path.name not in (*_LOCKS, RUN_UNDER_WAY)]


def holds_a_run(folder: Path) -> bool:
    """Return whether a folder holds a run of which trials are finished."""
    return (folder / SUMMARY).exists() and (folder / LEDGER).is_dir()


def _leave(folder: Path, created: Sequence[Path]) -> None:
    """Remove a folder of which nothing is left but its lock, and those that were made for it."""
    with suppress(OSError):  # one is not empty: another process may have put something there in the meantime
        if all(path.name in _LOCKS for path in folder.iterdir()):
            for name in _LOCKS:
                (folder / name).unlink(missing_ok=True)
            for place in created:  # innermost first
                place.rmdir()


def _stated(scenario: Scenario, dry: bool) -> dict[str, Any]:
    """Return by what an unfinished run is recognised."""
    settings = yaml.safe_load(scenario.resolved())
    settings.pop("checkpoint", None)  # how often one is written changes nothing
    plugins = {file.path.name: file.version for file in files_of(scenario)}
    return {"version": version("sfsim"), "dry": dry, "scenario": settings, "plugins": plugins}


def _check(named: Path, folder: Path, stated: dict[str, Any], force: bool, resume: bool) -> None:
    """Check that a run may use a folder, which is locked; arguments and errors as of ``claimed``."""
    under_way = folder / RUN_UNDER_WAY
    if resume:
        _check_same(named, folder, stated)
        return
    others = _others(folder)
    if under_way.is_dir() and not RunFolder(folder).is_empty and not force:
        raise FolderTakenError(f"{named} holds an unfinished run: go on with --resume, or start anew with --force")
    if others and not force:
        problem = f"{named} exists and is not empty: name another folder with --out, or replace a run with --force"
        raise FolderTakenError(problem)
    taken = [path.name for path in others if path.name in OURS or path.suffix == ".csv"]
    if taken and not holds_a_run(folder):
        raise FolderTakenError(f"{named} holds {taken[0]}, which is not part of a run: name another folder with --out")


def _check_same(named: Path, folder: Path, stated: dict[str, Any]) -> None:
    """Check that a folder holds an unfinished run of the same scenario; errors as of ``claimed``."""
    place = folder / RUN_UNDER_WAY / STATED
    if not place.is_file():
        if not holds_a_run(folder):
            raise ScenarioError(f"{named} holds no unfinished run, so there is nothing to resume")
        there: dict[str, Any] = {}
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # it is damaged
            there = _complete(folder)
        _compare(f"{named} holds a complete run", there, stated)
        raise CompleteError(f"{named} holds a complete run: there is nothing to resume")
    try:
        there = json.loads(place.read_text(encoding="utf-8"))
    except ValueError:
        raise ScenarioError(f"{place} cannot be read: start anew with --force") from None
    _compare(f"{named} holds an unfinished run", there, stated)


def _complete(folder: Path) -> dict[str, Any]:
    """Return by what a complete run is recognised, as far as its folder says it."""
    summary = json.loads((folder / SUMMARY).read_bytes())
    settings = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    settings.pop("checkpoint", None)
    return {"version": summary["version"], "dry": summary["dry"], "scenario": settings}


def _compare(holds: str, there: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    """Check that a run is the one that is asked for.

    Args:
        holds: what is in the folder, in words.
        there: by what it is recognised.
        stated: by what the one that is asked for is.

    Raises:
        ScenarioError: it is another; the message names the key that differs.
    """
    for key, what in _KINDS.items():
        if key in there and there[key] != stated[key]:
            where, theirs, ours = first_difference(key, there[key], stated[key])
            raise ScenarioError(
                f"{holds} {what}: {where} is {shown(theirs)} there and {shown(ours)} here; name another folder with "
                "--out, or start anew with --force"
            )
