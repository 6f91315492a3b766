"""The Pareto front of a search: the points that no other beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.experiments.search.journal import DONE, Outcome, Suggestion
from simulator.experiments.search.objectives import Objective


@dataclass(frozen=True)
class Best:
    """A place on the front: what its points reach, and which points these are.

    Attributes:
        values: the values of the objectives, in their order, in SI units.
        suggestions: the points that have exactly these values, in the order in which they were suggested.
    """

    values: tuple[float, ...]
    suggestions: tuple[Suggestion, ...]

    @property
    def outcome(self) -> Outcome:
        """What became of the first of its points."""
        outcome = self.suggestions[0].outcome
        assert outcome is not None
        return outcome


def front_of(suggestions: Sequence[Suggestion], objectives: Sequence[Objective]) -> list[Best]:
    """Return the points that no other dominates, the best in the first objective first, then in the second and so on.

    One point dominates another if it is nowhere worse and somewhere better. With one objective these are the best
    points. Those with equal values are one place; only points that are done and violate nothing count, each once.
    """
    by_values: dict[tuple[float, ...], list[Suggestion]] = {}
    for suggestion in suggestions:
        outcome = suggestion.outcome
        if outcome is None or outcome.status != DONE or outcome.repeats is not None:
            continue
        values = [outcome.figures[objective.figure] for objective in objectives]
        known = tuple(value for value in values if value is not None)
        assert len(known) == len(values), "a point that lacks an objective is infeasible"
        by_values.setdefault(known, []).append(suggestion)

    def losses(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(objective.sign * value for objective, value in zip(objectives, values, strict=True))

    front: list[tuple[float, ...]] = []
    for candidate in sorted(by_values, key=losses):  # whoever dominates a point comes before it
        own = losses(candidate)
        if not any(all(one <= other for one, other in zip(losses(better), own, strict=True)) for better in front):
            front.append(candidate)
    return [Best(values, tuple(by_values[values])) for values in front]
