"""Learning-rate schedules: functions of the round."""

from __future__ import annotations

from typing import Any, ClassVar

from simulator.settings.base import Settings


class Schedule(Settings):
    """What the learning rate is multiplied with in a round."""

    name: ClassVar[str]

    def factor(self, round: int, rounds: int) -> float:
        """For ``round`` in 1..``rounds``."""
        raise NotImplementedError

    def unfit(self, rounds: int) -> tuple[str, Any, str, str] | None:
        """What makes no sense in so many rounds: (key, value, problem, what is allowed), or nothing."""
        return None
