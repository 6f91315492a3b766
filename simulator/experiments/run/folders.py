"""The folder of a run: which name is free, and that it is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.settings.files import whole_folder


class FolderTakenError(FileExistsError):
    """There is something in a folder that a run was to be written into."""


def free_folder(scenario: str, root: Path = Path("runs")) -> Path:
    """``runs/<scenario>-<n>`` with the first free number."""
    number = 1
    while (root / f"{scenario}-{number}").exists() or any(root.glob(f".{scenario}-{number}-*")):
        number += 1  # taken, or being written into by a run that goes on
    return root / f"{scenario}-{number}"


@contextmanager
def staged(folder: Path, force: bool) -> Iterator[Path]:
    """A folder beside ``folder`` to write into; what is in it goes there once all is well, and is gone if it is not.

    With ``force`` an earlier run is replaced; files that are no run's stay.

    Raises:
        FolderTakenError: there is something under that name that may not be replaced. The message says what.
    """
    asked, folder = folder, folder.resolve()

    def check_free(names: Sequence[str] = ()) -> None:
        if folder.exists() and not folder.is_dir():
            raise FolderTakenError(f"{asked} is a file: name a folder with --out")
        if not folder.exists() or not any(folder.iterdir()):
            return
        if not force:
            raise FolderTakenError(
                f"{asked} exists and is not empty: name another folder with --out, or replace a run with --force"
            )
        taken = [name for name in names if (folder / name).exists()]
        if taken and not _holds_a_run(folder):
            raise FolderTakenError(f"{asked} holds {taken[0]}, which is no run's: name another folder with --out")

    def put(partial: Path, folder: Path) -> None:
        check_free([path.name for path in partial.iterdir()])  # a run takes its time
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
    """What is in ``partial`` goes into ``folder``; an earlier run there goes aside first, and then away."""
    old = Path(tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent))
    for path in list(folder.iterdir()) if _holds_a_run(folder) else []:
        os.replace(path, old / path.name)
    for path in list(partial.iterdir()):
        os.replace(path, folder / path.name)
    partial.rmdir()
    shutil.rmtree(old)
