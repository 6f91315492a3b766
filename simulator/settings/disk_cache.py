"""A folder of figures that took long to compute, and that later commands find again; without it they are computed.

An entry is one small file. It is written whole or not at all, and carries a checksum: whatever else is found is not
read. Nothing here ever fails: a folder that is missing, full or read-only holds nothing.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from simulator.settings.files import atomically

VARIABLE = "SFSIM_CACHE"
"""The variable of the environment that names the folder; if it is set and empty, nothing is kept."""
MOST_BYTES = 64 * 2**20
"""How large the folder may grow, bytes."""
SHRUNK = 0.75
"""The part of ``MOST_BYTES`` that is left when the entries that are longest out of use are removed."""
ABANDONED_S = 3600
"""The age at which a file that was never finished is taken for a killed process's, in seconds."""

_ENTRY = re.compile(r"[a-z_]+-[0-9a-f]{32}\.json")
_UNFINISHED = re.compile(rf"\.{_ENTRY.pattern}-[0-9a-f]{{8}}")

_closed: set[Path] = set()
"""The folders that this process could not write to, and does not try again."""
_measured: set[Path] = set()
"""The folders whose size this process has looked at; once is enough, for one process adds little."""


def cache_folder() -> Path | None:
    """Return the folder for what can be computed again, which need not exist; None if nothing is to be kept.

    It is what ``SFSIM_CACHE`` says, or else ``sfsim`` in ``XDG_CACHE_HOME``, or in ``~/.cache``.
    """
    named = os.environ.get(VARIABLE)
    try:
        if named is not None:
            return Path(named).expanduser().absolute() if named.strip() else None
        shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
        return (shared if shared.is_absolute() else Path.home() / ".cache") / "sfsim"
    except (OSError, RuntimeError):  # there is no home, or no working directory
        return None


def kept(kind: str, key: str) -> Any | None:
    """Return what was kept under a key, as ``json`` reads it; None if there is nothing, or nothing sound.

    Args:
        kind: what kind of figure it is, one word.
        key: all that the figure depends on, as a text that is the same in every process.
    """
    folder = cache_folder()
    if folder is None:
        return None
    path = _path(folder, kind, key)
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
        found = json.loads(body) if checksum == _checksum(body) else None
    except (OSError, ValueError, RecursionError):
        return None
    with suppress(OSError):  # its time says when it was last of use; in a read-only folder it says when it was written
        os.utime(path)
    return found


def keep(kind: str, key: str, value: Any) -> None:
    """Keep a value under a key, for this and later processes, if that is possible.

    Args:
        kind: what kind of figure it is, one word.
        key: all that the figure depends on, as a text that is the same in every process.
        value: what ``json`` can write.
    """
    folder = cache_folder()
    if folder is None or folder in _closed:
        return
    body = json.dumps(value, separators=(",", ":")).encode()
    path = _path(folder, kind, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder not in _measured:
            _measured.add(folder)
            _shrink(path.parent)
        atomically(path, lambda partial: partial.write_bytes(_checksum(body) + b"\n" + body))
    except OSError:
        _closed.add(folder)


def is_entry(name: str) -> bool:
    """Return whether a file of this name in the folder is an entry."""
    return bool(_ENTRY.fullmatch(name))


def is_unfinished(name: str) -> bool:
    """Return whether a file of this name is an entry that is being written, or was when a process was killed."""
    return bool(_UNFINISHED.fullmatch(name))


def _path(folder: Path, kind: str, key: str) -> Path:
    return folder / "costs" / f"{kind}-{blake2b(key.encode(), digest_size=16).hexdigest()}.json"


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).hexdigest().encode()


def _shrink(folder: Path) -> None:
    """Remove what killed processes left, and the entries longest out of use where all together are too large.

    The folder may be one that a user has named, with files of theirs in it: only what has the name of an entry is
    looked at.
    """
    entries, now = [], time.time()
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(OSError):  # another process may remove the same
                about = entry.stat(follow_symlinks=False)
                if not entry.is_file(follow_symlinks=False):
                    continue
                if is_entry(entry.name):
                    entries.append((about.st_mtime, about.st_size, entry.path))
                elif is_unfinished(entry.name) and now - about.st_mtime > ABANDONED_S:
                    os.unlink(entry.path)
    total = sum(size for _, size, _ in entries)
    if total <= MOST_BYTES:
        return
    for _, size, path in sorted(entries):
        with suppress(OSError):
            os.unlink(path)
        total -= size
        if total <= SHRUNK * MOST_BYTES:
            return
