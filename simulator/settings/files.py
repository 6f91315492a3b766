"""Files and folders that are there whole or not at all, whatever ends the process that writes them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Have ``write`` write beside ``path``, and put it there: nothing half-written ever lies under the name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        write(partial)
        partial.chmod(0o644)  # it was made, and some libraries write, for the owner alone
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def replace_folder(partial: Path, folder: Path) -> None:
    """Give ``partial`` the name of ``folder``, and remove what had it."""
    old = None
    if folder.exists():
        old = tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent)
        os.replace(folder, old)
    os.replace(partial, folder)
    if old:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def whole_folder(folder: Path, put: Callable[[Path, Path], None] = replace_folder) -> Iterator[Path]:
    """A hidden folder beside ``folder`` to write into; what is in it goes there once all is well, and else is gone.

    Args:
        folder: need not be there; folders above it are made, and taken away again if nothing comes of it.
        put: what brings the hidden folder to its place.
    """
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)  # it was made for the owner alone
        put(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # somebody else may have put something there meanwhile
            for parent in made:  # innermost first
                parent.rmdir()
        raise


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Remove what a process that was killed left beside a file or folder of this name, or of any name."""
    for place in folder.glob(f".{name}-*" if name else ".*"):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
