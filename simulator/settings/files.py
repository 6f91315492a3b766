"""Files and folders that are complete or not there at all, whatever ends the process that writes them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RUN_UNDER_WAY = ".run"
"""The hidden folder in that of a run for what is under way."""
_REPLACING, _NEW, _OLD = "replacing.json", "new", "old"
_ABANDONED = 5.0
"""Seconds after which a replacement that goes on is taken for one that was interrupted; it takes milliseconds."""


def atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file that appears under its name only once it is complete; a file of that name is replaced.

    Args:
        path: the file, in a folder that exists.
        write: writes to the path that it is given, a temporary file in the same folder.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        write(partial)
        partial.chmod(0o644)  # mkstemp and some libraries make files that only their owner can read
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def replace_folder(partial: Path, folder: Path) -> None:
    """Move ``partial`` to ``folder``, and remove the folder that was there before.

    Where the system can exchange two names at once (Linux), there is no moment without a folder of this name.
    """
    if not folder.exists():
        os.replace(partial, folder)
    elif _exchange(partial, folder):
        shutil.rmtree(partial, ignore_errors=True)
    else:
        previous = tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent)
        os.replace(folder, previous)
        os.replace(partial, folder)
        shutil.rmtree(previous, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders at once; return whether the system could."""
    import ctypes

    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


@contextmanager
def whole_folder(folder: Path, put: Callable[[Path, Path], None] = replace_folder) -> Iterator[Path]:
    """Provide a hidden folder to write into, which takes the place of ``folder`` only if nothing fails.

    If something is raised within this context, the hidden folder is removed.

    Args:
        folder: where the contents belong. It need not exist: missing folders above it are created, and removed again
            if something fails.
        put: moves the hidden folder, its first argument, to ``folder``, its second.
    """
    created = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)  # mkdtemp makes a folder that only its owner can read
        put(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # another process may have put something there in the meantime
            for parent in created:  # innermost first
                parent.rmdir()
        raise


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Remove the temporary files and folders that a killed process left behind.

    Args:
        folder: where they are.
        name: the file or folder that was being written; if empty, everything hidden in ``folder`` is removed.
    """
    for leftover in folder.glob(f".{name}-*" if name else ".*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def start_replacement(folder: Path, old: Sequence[str]) -> None:
    """Put the contents of ``.run/new`` in the place of others, and remove ``.run``.

    Whatever interrupts it, ``finish_replacement`` completes it.

    Args:
        folder: the folder that holds both.
        old: the names in it that go away.
    """
    marker = folder / RUN_UNDER_WAY / _REPLACING
    atomically(marker, lambda partial: partial.write_text(json.dumps({"old": list(old)}), encoding="utf-8"))
    finish_replacement(folder)


def finish_replacement(folder: Path, *, if_abandoned: bool = False) -> None:
    """Complete a replacement that has been started in a folder, if there is one.

    Args:
        folder: the folder.
        if_abandoned: leave it to whoever started it, unless that was some time ago.
    """
    work = folder / RUN_UNDER_WAY
    marker, old = work / _REPLACING, work / _OLD
    if not marker.is_file() or (if_abandoned and time.time() - marker.stat().st_mtime < _ABANDONED):
        return
    old.mkdir(exist_ok=True)
    for name in json.loads(marker.read_text(encoding="utf-8"))["old"]:
        if not os.path.lexists(old / name) and os.path.lexists(folder / name):
            os.replace(folder / name, old / name)
    for path in list((work / _NEW).iterdir()):
        os.replace(path, folder / path.name)
    discard(work)


def discard(folder: Path) -> None:
    """Remove a folder, which is gone from its name at once; what an interruption leaves is hidden."""
    if not folder.exists():
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name.lstrip('.')}-old-", dir=folder.parent))
    os.replace(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)
