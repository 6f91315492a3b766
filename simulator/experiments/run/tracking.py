"""Sending what is finished to trackers: results are safe by then, so a tracker that fails costs one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.experiments.trial.memory_check import Tell


def send(folder: Path, names: Sequence[str], tell: Tell) -> None:
    """Send a finished run or sweep to trackers.

    Args:
        folder: the folder of the run or sweep.
        names: the names of the trackers.
        tell: called with a line for each of them: how to look at it, or why it has nothing.

    Raises:
        KeyboardInterrupt: it was stopped; the message says how to go on.
    """
    from analysis.trackers import track

    for name in dict.fromkeys(names):
        again = f"sfsim track {folder} --to {name}"
        try:
            tell(track(folder, name))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"the results are complete; send them with: {again}") from None
        except Exception as error:  # whatever it is: the results are there, and another tracker may have more luck
            tell(f"The results are complete, but {name} has not got them ({reason(error)}). Try again with: {again}")


def reason(error: Exception) -> str:
    """Return in one line why something could not be sent."""
    from simulator.settings.errors import MessageError

    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}"
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, MessageError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
