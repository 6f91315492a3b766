"""Clients that drop out in a phase: at its beginning, or at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import simpy

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


DROPOUT = "dropout"
"""A reason: the client dropped out in a phase."""


class Dropout:
    """How likely the client of a device drops out in a phase; the device itself stays there.

    Half of those that do give up at the beginning of the phase and half at its end, so that half of its work is in vain
    on average. In the phase that an attempt begins in, all give up at the beginning. It is drawn once for each phase of
    each attempt, however often the phase is entered and in however many processes.

    Args:
        device: the name of the device.
        rates: the probability by phase, as the ledger names it; 0 for all others.
        seeds: the random streams of the trial.
    """

    def __init__(self, device: str, rates: Mapping[str, float], seeds: Seeds) -> None:
        self._device, self._rates, self._seeds = device, rates, seeds

    def fate(self, attempt: int, phase: str) -> Literal["stays", "begin", "end"]:
        """Return whether the client drops out in a phase: at its beginning, at its end, or not.

        Args:
            attempt: the number of its attempt (``AttemptRow.attempt``).
            phase: the phase.
        """
        rate = self._rates.get(phase, 0.0)
        drawn = self._seeds.stream("dropout", self._device, attempt, phase).random() if rate else 1.0
        if drawn >= rate:
            return "stays"
        return "begin" if drawn < rate / 2 else "end"

    def enter(self, process: Any, processes: Iterable[Any], ends: bool = True) -> bool:
        """Have the client of the running process drop out, if it does so at the beginning of the phase that it is in.

        Args:
            process: the running process.
            processes: those of its client.
            ends: whether it will be told of the end of the phase, too; else all who drop out do so at the beginning.

        Returns:
            Whether it drops out at the end of the phase.

        Raises:
            simpy.Interrupt: it drops out; this ends the process.
        """
        fate = self.fate(process.attempt, process.phase)
        if fate == "begin" or (fate == "end" and not ends):
            give_up(process, processes, DROPOUT)
        return fate == "end"


def give_up(process: Any, processes: Iterable[Any], reason: str) -> NoReturn:
    """End the attempt of the client of the running process: stop all its processes, this one too.

    Args:
        process: the running process.
        processes: those of its client.
        reason: why, in a word or two.

    Raises:
        simpy.Interrupt: always; it ends the process.
    """
    for other in list(processes):
        if other is not process and process.client is not None and other.client is process.client:
            other.stop(reason)
    process.stopped, process.reason = True, process.reason or reason
    raise simpy.Interrupt(reason)
