"""The interface of a learning-rate schedule."""

from __future__ import annotations

from typing import Any, ClassVar

from simulator.settings.base import Settings


class Schedule(Settings):
    """A learning-rate schedule: the factor that scales the base learning rate, as a function of the round."""

    name: ClassVar[str]

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Raise ``TypeError`` for a method under its former name, which nobody would call."""
        super().__init_subclass__(**keywords)
        if "unfit" in vars(cls):
            raise TypeError(f"{cls.__name__}.unfit is called check now, and raises UnfitError")

    def factor(self, round: int, rounds: int) -> float:
        """Return the factor on the base learning rate in round ``round`` of ``rounds``, counted from 1."""
        raise NotImplementedError

    def check(self, rounds: int) -> None:
        """Check that the schedule suits a run of this many rounds.

        Raises:
            UnfitError: a setting makes no sense for so many rounds.
        """
