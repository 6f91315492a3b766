"""Files and folders that are complete or not there at all, whatever ends the process that writes them."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from simulator.settings.disk import raise_located, written

RUN_UNDER_WAY = ".run"
"""The hidden folder in that of a run for what is under way."""
RUN_SO_FAR = f"{RUN_UNDER_WAY}/new"
"""The folder in it that takes the place of what is shown once the run is complete."""
_REPLACING, _OLD = "replacing.json", "old"
_ABANDONED = 5.0
"""Seconds after which a replacement that goes on is taken for one that was interrupted; it takes milliseconds."""
_LONGEST_NAME = 200
"""The bytes of a name above which a temporary file has only its beginning: systems take 255, with what is added."""


class IrregularFileError(OSError):
    """Something that is no file: a folder, a device, a FIFO."""


def atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file that appears under its name only once it is complete; a file of that name is replaced.

    Args:
        path: the file, in a folder that exists.
        write: writes to the path that it is given, a temporary file in the same folder.

    Raises:
        CannotWriteError: the file cannot be written; it is named, not the temporary one.
    """
    partial = path.parent / (_hidden(path) + secrets.token_hex(4))
    with written(path, partial):
        # Opened here, for the umask to tell who may read it: tempfile's files are for their owner alone.
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            mode = stat.S_IMODE(partial.stat().st_mode)
            write(partial)
            partial.chmod(mode)  # some libraries put another file in its place
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read bytes from it, and nothing that would wait for somebody to write, such as a FIFO.

    Raises:
        IrregularFileError: it is something else than a file.
    """

    def opener(name: str, flags: int) -> int:
        if not stat.S_ISREG(os.stat(name).st_mode):  # before it is opened: for a device, that may do something
            raise IrregularFileError(errno.EINVAL, "it is not a file", name)
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    return open(path, "rb", opener=opener)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, into a folder that appears only when it is complete.

    Raises:
        CannotWriteError: it cannot be written.
    """
    with written(path):
        path.write_text(text, encoding="utf-8")


def hidden_folder(folder: Path, kind: str = "") -> Path:
    """Make an empty folder beside ``folder``, whose name begins with a dot, and return it.

    Args:
        folder: what it belongs to; it need not exist.
        kind: what its name goes on with.

    Raises:
        CannotWriteError: it cannot be made.
    """
    partial = folder.parent / (_hidden(folder) + kind + secrets.token_hex(4))
    with written(folder, partial):
        partial.mkdir()  # not by tempfile, which makes folders that only their owner may read, whatever the umask
    return partial


def replace_folder(partial: Path, folder: Path) -> None:
    """Move ``partial`` to ``folder``, and remove the folder that was there before.

    Where the system can exchange two names at once (Linux), there is no moment without a folder of this name.
    """
    with suppress(OSError):  # there is a folder with contents, of which another process may have put them there
        os.replace(partial, folder)
        return
    if _exchange(partial, folder):
        shutil.rmtree(partial, ignore_errors=True)
    else:
        previous = hidden_folder(folder, "old-")
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

    Raises:
        CannotWriteError: a file in the folder cannot be written; it is named as it would be in ``folder``.
    """
    created = [parent for parent in folder.parents if not parent.exists()]
    try:
        with written(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        partial = hidden_folder(folder)
        try:
            yield partial
            put(partial, folder)
        except OSError as error:
            if error.filename is not None:
                raise_located(error, folder, partial)
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except BaseException:
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
    beginning = _hidden(folder / name) if name else "."
    for leftover in list(folder.iterdir()) if folder.is_dir() else []:
        if not leftover.name.startswith(beginning):
            continue
        if leftover.is_dir() and not leftover.is_symlink():
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
    for path in list((folder / RUN_SO_FAR).iterdir()):
        os.replace(path, folder / path.name)
    discard(work)


def discard(folder: Path) -> None:
    """Remove a folder, which is gone from its name at once; what an interruption leaves is hidden."""
    if not folder.exists():
        return
    aside = hidden_folder(folder.with_name(folder.name.lstrip(".")), "old-")
    os.replace(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)


def _hidden(path: Path) -> str:
    """Return how the names of the temporary files and folders of a path begin."""
    name = path.name
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME // 4] if len(name) > _LONGEST_NAME // 4 else name[:-1]
    return f".{name}-"
