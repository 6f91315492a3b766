"""Folders that another version of sfsim has written: read where they can be, and never without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from analysis.runs import RunError, read_json, read_yaml


def of_another(written: str) -> str:
    """What to know of what this version has written (none, if it did not say); nothing, if it is the one installed.

    >>> of_another("0.0.1")  # doctest: +SKIP
    'written by sfsim 0.0.1, and this is 0.1.0: it may have counted otherwise'
    """
    mine = version("sfsim")
    if written == mine:
        return ""
    return f"written by sfsim {written or '(no version)'}, and this is {mine}: it may have counted otherwise"


def version_of(folder: Path) -> str:
    """Which version has written the folder of a run or a sweep; empty if it does not tell. Raises RunError."""
    sweep = folder / "sweep.yaml"
    said = read_yaml(sweep) if sweep.is_file() else read_json(folder / "summary.json")
    return str(said.get("version") or "")


@contextmanager
def versions_told(folder: Path) -> Iterator[None]:
    """What cannot be read may be of another version: then the message says so."""
    try:
        yield
    except RunError as error:
        try:
            written, mine = version_of(folder), version("sfsim")
        except RunError:
            raise error from None
        if written == mine:
            raise
        raise RunError(f"{error}; the run is from sfsim {written or '(no version)'}, this is {mine}") from error
