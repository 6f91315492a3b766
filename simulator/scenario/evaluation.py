"""The part of a scenario that says when models are evaluated, and on what."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from simulator.settings.base import Settings
from simulator.settings.bounds import MOST, Count
from simulator.settings.units import DURATION


def _interval(value: Any) -> int | str:
    """Validate an interval: a number of rounds, or a duration as text."""
    if isinstance(value, str):
        if DURATION.parse(value) == 0:
            raise ValueError("it must be more than 0 s")
        return DURATION.format(DURATION.parse(value))
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("it must be a whole number of rounds of at least 1, or a duration such as 30 s")
    if value > MOST:
        raise ValueError(f"it must be at most {MOST:,}")
    return value


Interval = Annotated[
    int | str,
    PlainValidator(_interval),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, DURATION.json_schema()]}),
]


class EvaluationSettings(Settings):
    """How often, and on how many samples, a model is evaluated; off the simulated clock."""

    every: Interval = 1
    """Rounds from one evaluation to the next, or the simulated time, such as 30 s: then the first state after each
    multiple of it is evaluated. The last state always is."""
    samples: Count | None = None
    """The size of a fixed subset of the test samples; all of them if null."""
    clients: Count | None = None
    """The number of devices whose own accuracies are evaluated, a fixed subset; all if null. If devices have models of
    their own, each of these models is evaluated."""
    settle: Count = 3
    """How many evaluations the settled accuracy averages: the last ones, without that before training."""

    def is_due(self, round: int, now: float, last: float) -> bool:
        """Return whether the state after a round is to be evaluated.

        Args:
            round: the number of aggregations so far.
            now: simulated seconds since the start.
            last: the same at the evaluation before.
        """
        if isinstance(self.every, int):
            return round % self.every == 0
        seconds = DURATION.parse(self.every)
        return round == 0 or now // seconds > last // seconds
