"""The manifest of a run: the size and the SHA-256 of each of its files, by which any change is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from simulator.settings.errors import MessageError
from simulator.settings.files import atomically

MANIFEST = "manifest.json"
SCHEMA = 1
_LATER = ("trace", "compare")
"""Prefixes of files that `trace` and `compare` write and that the manifest leaves out."""


class ManifestError(MessageError):
    """A manifest cannot be read."""


def write_manifest(folder: Path, only: Iterable[str] | None = None) -> Path | None:
    """Write the manifest of a run, and return its path.

    Hidden files and traces are no part of it. The lines of files that are not written again stay as they are, so that
    a change of them is still found.

    Args:
        folder: the folder of the run, complete but for its manifest.
        only: names of files and folders in it that alone were written anew. A run without a manifest gets none then,
            and None is returned.

    Raises:
        ManifestError: ``only``, and the manifest that is there cannot be read.
    """
    known: dict[str, Any] = {}
    if only is not None:
        if not (folder / MANIFEST).is_file():
            return None
        anew = set(only)
        known = {name: line for name, line in read_manifest(folder).items() if name.partition("/")[0] not in anew}
    files = {
        name: _line(path) for name, path in _files(folder) if only is None or name.partition("/")[0] in anew
    } | known
    text = json.dumps({"schema": SCHEMA, "files": dict(sorted(files.items()))}, indent=1, ensure_ascii=True) + "\n"
    atomically(folder / MANIFEST, lambda partial: partial.write_text(text, encoding="utf-8"))
    return folder / MANIFEST


def check_manifest(folder: Path) -> list[str]:
    """Return what differs from the manifest of a run, a line for each file; none if nothing does.

    Files that the manifest does not name are looked at only in the ledger and among the figures.

    Raises:
        ManifestError: the manifest cannot be read.
    """
    said = []
    known = read_manifest(folder)
    there = dict(_files(folder))
    for name, line in known.items():
        path = there.get(name)
        if path is None:
            said.append(f"{name}: this file is missing")
        elif path.stat().st_size != line["bytes"]:
            said.append(f"{name}: has {path.stat().st_size:,} bytes, and had {line['bytes']:,} when it was written")
        elif _line(path) != line:
            said.append(f"{name}: was changed after it was written")
    ours = {name.partition("/")[0] for name in known if "/" in name}
    said += [
        f"{name}: was not there when the run was written"
        for name in there
        if name not in known and name.partition("/")[0] in ours
    ]
    return said


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of the manifest of a run by file: the bytes of each, and its SHA-256.

    Raises:
        ManifestError: it cannot be read.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        schema, files = manifest["schema"], manifest["files"]
        kinds = {"bytes": int, "sha256": str}
        whole = all({key: type(value) for key, value in line.items()} == kinds for line in files.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path}: cannot be read: {(str(error).splitlines() or ['?'])[0]}") from error
    if schema == SCHEMA and not whole:
        raise ManifestError(f"{path}: cannot be read: a file lacks its size or its hash")
    if schema != SCHEMA:
        raise ManifestError(f"{path}: written with schema {schema}; this sfsim reads {SCHEMA}")
    return dict(files)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a run with their names in its folder, in alphabetical order."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.name != MANIFEST and not parts[0].startswith(_LATER):
            yield "/".join(parts), path


def _line(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
