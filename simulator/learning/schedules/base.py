"""Learning-rate schedules: functions of the round."""

from __future__ import annotations

from typing import Any, ClassVar

from simulator.settings.base import Settings


class Schedule(Settings):
    """What the learning rate is multiplied with in a round."""

    name: ClassVar[str]

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Raise ``TypeError`` for a method under its former name, which nobody would call."""
        super().__init_subclass__(**keywords)
        if "unfit" in vars(cls):
            raise TypeError(f"{cls.__name__}.unfit is called check now, and raises UnfitError")

    def factor(self, round: int, rounds: int) -> float:
        """For ``round`` in 1..``rounds``."""
        raise NotImplementedError

    def check(self, rounds: int) -> None:
        """Raise ``UnfitError`` for a setting that makes no sense in so many rounds."""
