"""Folders in which one command works at a time; a second one is told who does."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from simulator.settings.errors import ScenarioError


@contextmanager
def locked(place: Path, folder: Path, does: str) -> Iterator[None]:
    """Hold a lock for as long as this context lasts.

    The operating system releases the lock however the process ends. On a file system without ``flock``, the lock is a
    file that names its process and host instead. After a SIGKILL this file stays: the next process on the same host
    takes it over, but for any other host it must be removed by hand.

    Args:
        place: the file of the lock, in a folder that exists.
        folder: the folder that it protects, as the user named it.
        does: what whoever holds the lock does there, such as "runs this sweep".

    Raises:
        ScenarioError: another process holds the lock, and the message says which; or the folder cannot be locked.
    """
    owner = place.with_name(f"{place.name}-owner")
    lock = _acquired(place, owner, folder, does)
    while not _is_there(place, lock):  # whoever held it before has removed it with its folder
        lock.release()
        lock = _acquired(place, owner, folder, does)
    try:
        with suppress(OSError):
            said = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
            owner.write_text(json.dumps(said), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            owner.unlink()
        lock.release()


def _acquired(place: Path, owner: Path, folder: Path, does: str) -> FileLock:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place, fallback_to_soft=True)
        lock.acquire(timeout=0.1)  # more than one try: the first may only remove the file of a killed process
    except Timeout:
        hint = f" (if none does, it was killed: remove {place})" if _says_its_owner(place) else ""
        raise ScenarioError(f"{folder}: another process {does} already{_holder(owner)}{hint}") from None
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        problem = f"{folder} cannot be locked against other processes: {why}"
        raise ScenarioError(f"{problem}; name a folder on another file system with --out") from error
    return lock


def _is_there(place: Path, lock: FileLock) -> bool:
    """Return whether the file that is locked is the one that has its name."""
    descriptor = getattr(getattr(lock, "_context", None), "lock_file_fd", None)
    with suppress(OSError):
        there = place.stat()
        return descriptor is None or os.path.samestat(os.fstat(descriptor), there)
    return False


def _holder(owner: Path) -> str:
    """Say who holds a lock, as far as that is known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(owner.read_text(encoding="utf-8"))
        since = time.strftime("%H:%M on %d %B", time.localtime(said["since"]))
        return f", with process {said['pid']} on {said['host']}, since {since}"
    return ""


def _says_its_owner(lock: Path) -> bool:
    """Return whether a file is a lock of a file system without ``flock``; with ``flock``, the file is empty."""
    try:
        return lock.stat().st_size > 0
    except OSError:
        return False
