"""Folders written by another version of sfsim: they are read if possible, and the user is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from analysis.reading import RunError, read_json, read_yaml


def of_another(written: str) -> str:
    """Return a warning about results that another version of sfsim has written; empty if it is the installed one.

    >>> of_another("0.0.1")  # doctest: +SKIP
    'written by sfsim 0.0.1, and this is 0.1.0: it may have counted otherwise'

    Args:
        written: the version that has written them; empty if unknown.
    """
    installed = version("sfsim")
    if written == installed:
        return ""
    return f"written by sfsim {written or '(no version)'}, and this is {installed}: it may have counted otherwise"


def version_of(folder: Path) -> str:
    """Return the version of sfsim that has written the folder of a run, sweep or search; empty if it does not say.

    Raises:
        RunError: the file that should say so cannot be read.
    """
    study = next((path for name in ("sweep", "search") if (path := folder / f"{name}.yaml").is_file()), None)
    head = read_yaml(study) if study else read_json(folder / "summary.json")
    return str(head.get("version") or "")


@contextmanager
def versions_told(folder: Path) -> Iterator[None]:
    """Extend the message of a RunError from inside by the version that has written the folder, if it is another one."""
    try:
        yield
    except RunError as error:
        try:
            written, installed = version_of(folder), version("sfsim")
        except RunError:
            raise error from None
        if written == installed:
            raise
        raise RunError(f"{error}; the run is from sfsim {written or '(no version)'}, this is {installed}") from error
