"""Functions that executors map in other processes, and how these are seen from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.settings.files import whole_folder


@dataclass(frozen=True)
class Squares:
    """Writes the square of each number into a folder of its own, and who computed it; returns the square.

    Attributes:
        root: where the folders are.
        log: a folder that all processes see, with an empty file ``<number>-<process>`` for each call.
        seconds: how long a number above zero takes.
        deadly: numbers that kill their process with the first calls.
        kills: with how many.
    """

    root: Path
    log: Path
    seconds: float = 0.0
    deadly: tuple[int, ...] = ()
    kills: int = 1

    def at(self, root: Path) -> Squares:
        return replace(self, root=root)

    def folder_of(self, number: int) -> Path:
        return self.root / "squares" / str(number)

    def lost(self, number: int, problem: str) -> str:
        return f"{number}: {problem}"

    def __call__(self, number: int) -> int:
        (self.log / f"{number}-{os.getpid()}-{time.time_ns()}").touch()
        if number < 0:
            raise ValueError(f"{number} is negative")
        if number in self.deadly and len(list(self.log.glob(f"{number}-*"))) <= self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds * (number > 0))
        with whole_folder(self.folder_of(number)) as place:
            (place / "square").write_text(str(number**2))
            (place / "written at").write_text(str(self.root))
        return number**2


def visible_gpus(item: object) -> str | None:
    """Return what torch would see of the GPUs of this machine."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def calls(log: Path) -> list[tuple[int, int]]:
    """Return the number and the process of each call of ``Squares``, in their order."""
    found = sorted((path.name.split("-")[::-1] for path in log.iterdir()), key=lambda parts: int(parts[0]))
    return [(int(number), int(process)) for _, process, number in found]


def alive(process: int) -> bool:
    """Return whether a process runs."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(check: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Return whether a check comes true within so many seconds."""
    last = time.monotonic() + seconds
    while not check():
        if time.monotonic() > last:
            return False
        time.sleep(0.05)
    return True
