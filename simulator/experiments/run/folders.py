"""The folder of a run: a free name for it, and a way to write it atomically."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.settings.errors import MessageError
from simulator.settings.files import whole_folder


class FolderTakenError(MessageError, FileExistsError):
    """The folder for a run holds something that may not be replaced."""


def free_folder(scenario: str, root: Path = Path("runs")) -> Path:
    """Return ``runs/<scenario>-<n>`` with the first free number."""
    number = 1
    while (root / f"{scenario}-{number}").exists() or any(root.glob(f".{scenario}-{number}-*")):
        number += 1  # the folder exists, or another run is writing it
    return root / f"{scenario}-{number}"


@contextmanager
def staged(folder: Path, force: bool) -> Iterator[Path]:
    """Yield a temporary folder to write into, and move its content to ``folder`` at the end.

    After an exception the temporary folder is removed, and ``folder`` stays as it was.

    Args:
        folder: the folder of the run.
        force: replace an earlier run in ``folder``; other files there are kept.

    Raises:
        FolderTakenError: ``folder`` is a file, or holds something that may not be replaced. The message says what.
    """
    named, folder = folder, folder.resolve()

    def check_free(names: Sequence[str] = ()) -> None:
        if folder.exists() and not folder.is_dir():
            raise FolderTakenError(f"{named} is a file: name a folder with --out")
        if not folder.exists() or not any(folder.iterdir()):
            return
        if not force:
            raise FolderTakenError(
                f"{named} exists and is not empty: name another folder with --out, or replace a run with --force"
            )
        taken = [name for name in names if (folder / name).exists()]
        if taken and not _holds_a_run(folder):
            raise FolderTakenError(
                f"{named} holds {taken[0]}, which is not part of a run: name another folder with --out"
            )

    def put(partial: Path, folder: Path) -> None:
        check_free([path.name for path in partial.iterdir()])  # again: a run takes long, and the folder may be taken
        if folder.exists() and any(folder.iterdir()):
            _replace(folder, partial)
        else:
            os.replace(partial, folder)

    check_free()
    with whole_folder(folder, put) as partial:
        yield partial


def _holds_a_run(folder: Path) -> bool:
    return (folder / SUMMARY).exists() and (folder / LEDGER).is_dir()


def _replace(folder: Path, partial: Path) -> None:
    """Move the content of ``partial`` into ``folder``; an earlier run there is moved aside first, and then deleted."""
    old = Path(tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent))
    for path in list(folder.iterdir()) if _holds_a_run(folder) else []:
        os.replace(path, old / path.name)
    for path in list(partial.iterdir()):
        os.replace(path, folder / path.name)
    partial.rmdir()
    shutil.rmtree(old)
