"""Shares of a core, granted by control groups of version 1 or 2."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

QUOTA_US = 1_000
"""What a group may compute in each period, in microseconds: the least that the kernel grants, so that works meet short
pauses, and many. A work that comes after a rest finds one quota unused, and so is up to a period shorter."""

FIRST = {1: 100_000, 2: 10_000}
"""The weight of a group among all that want to compute, by version: so large that its quota decides, not others."""


class Controller(NamedTuple):
    """Where groups with a share of the processor are made.

    Attributes:
        folder: the folder in which each group is a folder.
        version: 1 or 2.
    """

    folder: Path
    version: int


def controller(mounts: str | None = None, own: str | None = None) -> Controller | None:
    """Return where groups can be made; None if the cpu controller is mounted nowhere.

    Args:
        mounts: the mounted file systems, as /proc/mounts has them.
        own: the groups of this process, as /proc/self/cgroup has them.
    """
    mounts = Path("/proc/mounts").read_text("utf-8") if mounts is None else mounts
    own = Path("/proc/self/cgroup").read_text("utf-8") if own is None else own
    for line in mounts.splitlines():
        _, folder, kind, options, *_ = line.split(" ")
        if kind == "cgroup" and "cpu" in options.split(","):
            mine = [path for _, names, path in (each.split(":", 2) for each in own.splitlines()) if _has_cpu(names)]
            return Controller(Path(folder + (mine[0] if mine else "/").rstrip("/")), 1)
        if kind == "cgroup2" and _offers_cpu(Path(folder)):
            return Controller(Path(folder), 2)
    return None


def _has_cpu(names: str) -> bool:
    return "cpu" in names.split(",")


def _offers_cpu(folder: Path) -> bool:
    offered = folder / "cgroup.controllers"
    return offered.exists() and "cpu" in offered.read_text("utf-8").split()


def limits(share: float, version: int) -> list[tuple[str, str]]:
    """Return the files of a group to write, and what, so that it has a share of one core, and gets it when it wants.

    Args:
        share: the share, such as 0.25.
        version: of the control groups.
    """
    period = round(QUOTA_US / share)
    if version == 2:
        return [("cpu.max", f"{QUOTA_US} {period}"), ("cpu.weight", str(FIRST[2]))]
    return [("cpu.cfs_period_us", str(period)), ("cpu.cfs_quota_us", str(QUOTA_US)), ("cpu.shares", str(FIRST[1]))]


def make(at: Controller, name: str, share: float) -> Path:
    """Make a group with a share of one core; return its folder."""
    if at.version == 2:
        (at.folder / "cgroup.subtree_control").write_text("+cpu", "utf-8")
    folder = at.folder / name
    folder.mkdir()
    for file, text in limits(share, at.version):
        (folder / file).write_text(text, "utf-8")
    return folder


def join(group: Path, pid: int) -> None:
    """Move a process with all its threads into a group."""
    (group / "cgroup.procs").write_text(str(pid), "utf-8")


def leftovers(at: Controller, prefix: str) -> Iterator[Path]:
    """Yield the groups whose names begin so."""
    yield from sorted(path for path in at.folder.glob(f"{prefix}*") if path.is_dir())


def remove(group: Path, patience: float = 5.0) -> None:
    """Kill what runs in a group, and remove it.

    Raises:
        OSError: it cannot be removed.
    """
    until = time.monotonic() + patience
    while True:
        kill(int(pid) for pid in (group / "cgroup.procs").read_text("utf-8").split())
        try:
            return group.rmdir()
        except OSError:  # what was killed is still there for a moment
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def kill(pids: Iterator[int]) -> None:
    """Kill these processes; those that are gone already are no error."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
