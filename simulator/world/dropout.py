"""Clients that drop out when they enter a phase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import simpy

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


DROPOUT = "dropout"
"""A reason: the client dropped out when it entered a phase."""


class Dropout:
    """How likely the client of a device drops out when it enters a phase; the device itself stays there.

    Whether it does is drawn once for each phase of each attempt, however often the phase is entered and in however many
    processes.

    Args:
        device: the name of the device.
        rates: the probability by phase, as the ledger names it; 0 for all others.
        seeds: the random streams of the trial.
    """

    def __init__(self, device: str, rates: Mapping[str, float], seeds: Seeds) -> None:
        self._device, self._rates, self._seeds = device, rates, seeds

    def drops(self, attempt: int, phase: str) -> bool:
        """Return whether the client drops out in a phase.

        Args:
            attempt: the number of its attempt (``AttemptRow.attempt``).
            phase: the phase.
        """
        rate = self._rates.get(phase, 0.0)
        return rate > 0 and bool(self._seeds.stream("dropout", self._device, attempt, phase).random() < rate)

    def enter(self, process: Any, processes: Iterable[Any]) -> None:
        """Have the client of the running process drop out, if it does in the phase that this process is in now.

        Args:
            process: the running process.
            processes: all processes of the world.

        Raises:
            simpy.Interrupt: it drops out; this ends the process.
        """
        if self.drops(process.attempt, process.phase):
            give_up(process, processes, DROPOUT)


def give_up(process: Any, processes: Iterable[Any], reason: str) -> NoReturn:
    """End the attempt of the client of the running process: stop all its processes, this one too.

    Args:
        process: the running process.
        processes: all processes of the world.
        reason: why, in a word or two.

    Raises:
        simpy.Interrupt: always; it ends the process.
    """
    for other in list(processes):
        if other is not process and process.client is not None and other.client is process.client:
            other.stop(reason)
    process.stopped, process.reason = True, process.reason or reason
    raise simpy.Interrupt(reason)
