"""Trackers: finished runs and sweeps, sent from their folders to a tool that a team looks at.

>>> from analysis.trackers import track
>>> track("runs/quickstart-1", "tensorboard")  # doctest: +SKIP
'TensorBoard: tensorboard --logdir runs/quickstart-1/tensorboard'

No package of a tool is imported before something is sent to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.settings.errors import MessageError
from simulator.settings.locks import locked
from simulator.settings.plugins import Plugins
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    from analysis.trackers.base import Tracker

TRACKERS = Plugins("analysis.trackers", "Tracker", "sfsim.trackers")
"""All trackers: a file for each in this package, and those that other distributions name as entry points."""


class TrackerError(MessageError):
    """A tracker that does not exist, or whose package is not installed."""


def chosen(names: Iterable[str]) -> list[Tracker]:
    """Return the trackers of these names, each once; nothing but their own files is imported.

    Raises:
        TrackerError: there is no such tracker, or a package that it needs is not installed.
    """
    return [_chosen(name) for name in dict.fromkeys(names)]


def track(folder: str | Path, name: str) -> str:
    """Send a finished run or sweep to a tracker, from its folder alone; what has been sent is not sent again.

    Args:
        folder: the folder of the run or sweep.
        name: the name of the tracker, such as "mlflow".

    Returns:
        A line that says how to look at it.

    Raises:
        TrackerError: as ``chosen``.
        RunError: the folder is no run and no sweep, or a file in it cannot be read.
        ScenarioError: another process works in the folder.
    """
    (tracker,) = chosen([name])
    from analysis.trackers.study import study_of

    study = study_of(Path(folder))
    # Of two that send at once, each would take what the other writes for its own; into others nothing is written.
    alone = locked(study.folder / ".lock", study.folder, "works there") if os.access(study.folder, os.W_OK) else None
    with alone or nullcontext():
        return tracker.send(study)


def _chosen(name: str) -> Tracker:
    names = TRACKERS.names()
    if name not in names:
        raise TrackerError(
            f'there is no tracker named "{name}"{near_miss(name, names) or f" (allowed: {listed(names)})"}'
        )
    try:
        tracker: Tracker = TRACKERS.find(name)()  # type: ignore[assignment]
    except ValueError as error:  # one of another distribution
        raise TrackerError(str(error)) from error
    if missing := [package for package in tracker.packages() if not is_installed(package)]:
        need = "needs packages that are" if len(missing) > 1 else "needs a package that is"
        raise TrackerError(f"{name} {need} not installed ({listed(missing)}): pip install 'sfsim[{name}]'")
    return tracker


def is_installed(package: str) -> bool:
    """Return whether a package can be imported; a folder of its name, which trackers leave behind, is none."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None
