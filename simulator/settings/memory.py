"""The memory that this process, and those it starts, could still take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

UNKNOWN = 2**62
"""Very many bytes, where nobody can tell."""
KINDS = {
    2: ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    1: ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By the version of control groups: their folder, the files of the limit and the usage, and in ``memory.stat`` what is
used but given back when it is needed."""


def available_memory(root: Path = Path("/")) -> int:
    """Return the bytes that processes could still take: of the machine, the control group, and by ``ulimit -v``.

    Args:
        root: where the files of the system are.

    Returns:
        At least 0; very many where nobody can tell.
    """
    return max(0, min((*_machine(root), *_groups(root), *_process(root)), default=UNKNOWN))


def _machine(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable"):
                yield int(line.split()[1]) * 1024


def _groups(root: Path) -> Iterator[int]:
    """Yield what is left of the limit of each control group, which those around it limit, too."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
            number, controllers, name = line.split(":", 2)
            if number != "0" and "memory" not in controllers.split(","):
                continue
            place, limit, usage, cached = KINDS[2 if number == "0" else 1]
            group = PurePosixPath(name.lstrip("/"))
            for each in (group, *group.parents):  # in a container, the last one is its own
                folder = root / place / each
                with suppress(OSError, ValueError):  # "max" is no limit
                    yield _number(folder / limit) - _number(folder / usage) + _stated(folder, cached)


def _process(root: Path) -> Iterator[int]:
    with suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int((root / "proc/self/statm").read_text("ascii").split()[0])
            yield limit - pages * resource.getpagesize()


def _number(path: Path) -> int:
    return int(path.read_text("ascii"))


def _stated(folder: Path, key: str) -> int:
    """Return a value of a group's ``memory.stat``; 0 if it is not there."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text("ascii").splitlines():
            if line.split()[0] == key:
                return int(line.split()[1])
    return 0
