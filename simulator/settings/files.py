"""Files and folders that are complete or not there at all, whatever ends the process that writes them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


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
    """Move ``partial`` to ``folder``, and remove the folder that was there before."""
    previous = None
    if folder.exists():
        previous = tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent)
        os.replace(folder, previous)
    os.replace(partial, folder)
    if previous:
        shutil.rmtree(previous, ignore_errors=True)


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
