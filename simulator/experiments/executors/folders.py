"""Functions that leave a folder for each item, and how such folders come back from machines that share no disk."""

from __future__ import annotations

import io
import os
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from simulator.settings.files import whole_folder

Self = TypeVar("Self", bound="WritesFolders")
_SHARED = ".shared-"


@runtime_checkable
class WritesFolders(Protocol):
    """A function that writes the result of each item into a folder of its own, whole or not at all."""

    @property
    def root(self) -> Path:
        """The folder in which it writes."""
        ...

    def __call__(self, item: Any) -> Any:
        """Compute an item, write its folder, and return something small."""
        ...

    def at(self: Self, root: Path) -> Self:
        """Return the same function, which writes in another folder."""
        ...

    def folder_of(self, item: Any) -> Path:
        """Return the folder of an item."""
        ...

    def lost(self, item: Any, problem: str) -> Any:
        """Take note that an item was given up, and return what stands for its result."""
        ...


@contextmanager
def marked(root: Path) -> Iterator[Path]:
    """Put a file of a unique name into a folder, by which other machines see whether they share it; yield its path."""
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{_SHARED}*"):  # by a process that was killed: whoever maps holds the folder's lock
        left.unlink(missing_ok=True)
    mark = root / f"{_SHARED}{uuid.uuid4().hex}"
    mark.touch()
    try:
        yield mark
    finally:
        with suppress(OSError):
            mark.unlink()


def is_shared(mark: Path) -> bool:
    """Return whether the folder of a mark is the same here, and can be written."""
    return mark.exists() and os.access(mark.parent, os.W_OK)


def look_again(folder: Path) -> None:
    """Make a folder seen that another machine has written: NFS remembers for a while what was looked for in vain."""
    if not folder.exists():
        with suppress(OSError):
            os.listdir(folder.parent)


def packed(folder: Path) -> bytes | None:
    """Return the content of a folder as a tar archive; None if there is no such folder."""
    if not folder.is_dir():
        return None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Write the content of an archive of ``packed`` to a folder, which is there whole or not at all."""
    with whole_folder(folder) as place, tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(place, filter="data")
