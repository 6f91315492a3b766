"""The target of a scenario: an accuracy that is to be reached, or a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol, Self

from simulator.settings.humanize import Kind, human

Goal = Literal["accuracy", "loss"]
"""What a target is of."""
KINDS: dict[Goal, Kind] = {"accuracy": "fraction", "loss": "count"}


class Scored(Protocol):
    """What an evaluation measured."""

    @property
    def accuracy(self) -> float:
        """The fraction of the test samples, or of their tokens, that were predicted correctly."""

    @property
    def loss(self) -> float:
        """The mean cross-entropy; NaN where it is not known or not finite."""


class Target(NamedTuple):
    """What a scenario wants reached, and when the results say that it is.

    Attributes:
        value: an accuracy, a fraction, or a loss.
        goal: which of the two it is.
    """

    value: float
    goal: Goal = "accuracy"

    @classmethod
    def of(cls, accuracy: float | None, loss: float | None) -> Self | None:
        """Return the target of a scenario with these two keys, at most one of which is set; None if none is."""
        if loss is not None:
            return cls(loss, "loss")
        return None if accuracy is None else cls(accuracy)

    @classmethod
    def read(cls, target: Self | float | None) -> Self | None:
        """Return a target as it is given; a number alone is an accuracy."""
        return cls(target) if isinstance(target, int | float) else target

    @classmethod
    def written(cls, scenario: Mapping[str, object]) -> Self | None:
        """Return the target of a scenario as it was read from a file; None if there is none."""
        accuracy, loss = (scenario.get(key) for key in ("target_accuracy", "target_loss"))
        return cls.of(*(float(value) if isinstance(value, int | float) else None for value in (accuracy, loss)))

    def reached_by(self, score: Scored) -> bool:
        """Return whether an evaluation is at or above a target accuracy, or at or below a target loss."""
        return score.loss <= self.value if self.goal == "loss" else score.accuracy >= self.value

    @property
    def number(self) -> str:
        """Its value alone, such as "80 %", or "2.5" of a loss."""
        return human(KINDS[self.goal], self.value)

    @property
    def said(self) -> str:
        """It in a sentence, such as "80 %" or "a loss of 2.5"."""
        return f"a loss of {self.number}" if self.goal == "loss" else self.number

    @property
    def heading(self) -> str:
        """It at the head of a column, such as "80 %" or "Loss of 2.5"."""
        return f"Loss of {self.number}" if self.goal == "loss" else self.number
