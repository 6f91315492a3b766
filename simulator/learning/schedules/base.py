"""Learning-rate schedules: functions of the round."""

from __future__ import annotations

from typing import ClassVar

from simulator.settings.base import Settings


class Schedule(Settings):
    """What the learning rate is multiplied with in a round."""

    name: ClassVar[str]

    def factor(self, round: int, rounds: int) -> float:
        """For ``round`` in 1..``rounds``."""
        raise NotImplementedError

    def check(self, rounds: int) -> None:
        """Raise ``UnfitError`` for a setting that makes no sense in so many rounds."""
