"""Checkpoints of a trial: where they are kept, when they are written, and whether one can be used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint_file import Contents
    from simulator.scenario.checkpoint import CheckpointSettings


class Checkpoints:
    """Where the checkpoint of one trial is kept: one file, of which each new checkpoint takes the place.

    A trial that is given an object of this class goes on from the file, if there is one that fits, and writes new ones
    meanwhile. Whoever has the result calls ``remove``.

    Args:
        path: the file.
        settings: when a checkpoint is written; None: never, but one that is there is used.
        key: tells the scenario, the algorithm and the seed from all others; the version is added.
        tell: called with a line for the user: why a checkpoint is not used, or why none is written.

    Attributes:
        path, settings, key, tell: as given.
        resumed: how many aggregations the trial had seen when it went on; 0 if it started anew.
        size: the size of the last checkpoint that was written, in bytes.
        seconds: the seconds of real time that writing has taken so far.
    """

    def __init__(
        self, path: Path, settings: CheckpointSettings | None, key: str, tell: Callable[[str], Any] = lambda _: None
    ) -> None:
        self.path, self.settings, self.key, self.tell = path, settings, key, tell
        self.resumed = self.size = 0
        self.seconds = 0.0
        self._last = time.monotonic()
        self._told = False

    def read(self) -> Contents | None:
        """Return the checkpoint that is there; None if there is none, or if it is of no use, which is told."""
        from simulator.experiments.trial.checkpoint_file import CheckpointError, read

        if not self.path.exists():
            return None
        try:
            return read(self.path, self.key)
        except CheckpointError as error:
            self.refuse(str(error))
            return None

    def refuse(self, why: str) -> None:
        """Tell that the checkpoint is not used.

        Args:
            why: the end of a sentence about its file.
        """
        self.tell(f"the trial starts over: {self.path} {why}")

    def begin(self) -> None:
        """Count the time to the next checkpoint from now on."""
        self._last = time.monotonic()

    def is_due(self, aggregations: int) -> bool:
        """Return whether a checkpoint is to be written after so many aggregations."""
        if self.settings is None or not aggregations:
            return False
        if self.settings.every is not None:
            return aggregations % self.settings.every == 0
        assert self.settings.minutes is not None
        return time.monotonic() - self._last >= 60 * self.settings.minutes

    def write(self, data: dict[str, Any], tensors: Any) -> None:
        """Write a checkpoint; a disk on which there is no room for it does not end the trial, but is told once.

        Args:
            data: the plain data.
            tensors: the tensors.

        Raises:
            UnstorableError: a tensor has a type that cannot be stored.
        """
        from simulator.experiments.trial.checkpoint_file import write

        began = time.perf_counter()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.size = write(self.path, self.key, data, tensors)
        except OSError as error:
            if not self._told:
                self.tell(f"no checkpoint is written: {self.path}: {error.strerror or error}; the trial goes on")
            self._told = True
        self.seconds += time.perf_counter() - began
        self.begin()

    def remove(self) -> None:
        """Remove the file of the checkpoint, and what a killed process may have left of one."""
        from simulator.settings.files import remove_unfinished

        self.path.unlink(missing_ok=True)
        remove_unfinished(self.path.parent, self.path.name)
