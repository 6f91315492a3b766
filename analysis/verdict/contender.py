"""What a verdict knows of one algorithm of a run: its figures and its accuracy over time, by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.goal import Goal, Target
from analysis.headline import LOSS, SAMPLES, accuracy_of
from analysis.runs import Run
from analysis.settled import Evaluation, held_from

SPENDING = {"bytes": ("bytes_up", "bytes_down"), "joules": ("client_energy_j",), "usd": ("cost_usd",)}
"""By kind of quantity, the running totals of `rounds.csv` that add up to what was spent."""


@dataclass(frozen=True)
class Contender:
    """An algorithm of a run.

    Attributes:
        label: its label.
        trials: a row of the summary for each seed, by seed.
        rounds: the running totals of these trials.
    """

    label: str
    trials: pd.DataFrame
    rounds: pd.DataFrame

    @classmethod
    def all_of(cls, run: Run) -> list[Contender]:
        """Return the algorithms of a run, in its order."""
        return [
            cls(
                label,
                run.summary[run.summary["label"] == label].set_index("seed"),
                run.rounds[run.rounds["label"] == label],
            )
            for label in run.labels
        ]

    @property
    def seeds(self) -> list[int]:
        """The seeds with which it was run."""
        return [int(seed) for seed in self.trials.index]

    @property
    def samples(self) -> float | None:
        """On how many test samples its accuracy was measured; None if that is unknown or not always the same."""
        known = set(self.trials[SAMPLES].dropna()) if SAMPLES in self.trials else set()
        return float(known.pop()) if len(known) == 1 else None

    @property
    def accuracies(self) -> dict[int, float]:
        """Its settled accuracy by seed, without seeds that have none."""
        return self.by_seed(accuracy_of(self.trials))

    @property
    def losses(self) -> dict[int, float]:
        """Its loss at the end by seed, without seeds that have none."""
        return self.by_seed(LOSS)

    def by_seed(self, column: str) -> dict[int, float]:
        """Return a figure of the summary by seed, without seeds that have none."""
        values = pd.to_numeric(self.trials[column], errors="coerce") if column in self.trials else pd.Series()
        return {int(seed): float(value) for seed, value in values.items() if value == value}  # type: ignore[call-overload]

    def mean(self, column: str) -> float | None:
        """Return the mean of a figure over seeds; None if one of them lacks it."""
        return self.mean_of(self.by_seed(column))

    def mean_of(self, by_seed: Mapping[int, float]) -> float | None:
        """Return the mean over seeds of what some of them have; None if not all have it."""
        return sum(by_seed.values()) / len(by_seed) if by_seed and len(by_seed) == len(self.trials) else None

    def held(self, target: Target | None) -> dict[int, float]:
        """Return when it held a target, in seconds of the clock by seed, without seeds that never do."""
        times = {seed: held_from(self.evaluations[seed], target) for seed in self.seeds}
        return {seed: time for seed, time in times.items() if time is not None}

    def gap_before(self, seed: int, moment: float) -> float:
        """Return the seconds between the evaluation at a moment and the one before it; 0 if it is the first."""
        clocks = [evaluation.sim_time_s for evaluation in self.evaluations[seed]]
        return moment - max((clock for clock in clocks if clock < moment), default=moment)

    def spent(self, kind: str, until: Mapping[int, float]) -> float | None:
        """Return what was spent until some moments, the mean over seeds; None if it is unknown.

        Args:
            kind: a key of `SPENDING`.
            until: the moment by seed, in seconds of the clock; that of a round.
        """
        columns = [column for column in SPENDING[kind] if column in self.rounds]
        if len(columns) < len(SPENDING[kind]):
            return None
        amounts = []
        for seed, moment in until.items():
            rows = self.rounds[(self.rounds["seed"] == seed) & (self.rounds["sim_time_s"] <= moment)]
            amounts.append(float(rows[columns].iloc[-1].sum(skipna=False)) if len(rows) else math.nan)
        mean = sum(amounts) / len(amounts) if amounts else math.nan
        return mean if math.isfinite(mean) else None

    def curve(self, seed: int, of: Goal = "accuracy") -> list[float]:
        """Return the accuracy, or the loss, at each evaluation with a seed, in their order."""
        return [getattr(evaluation, of) for evaluation in self.evaluations[seed]]

    @cached_property
    def evaluations(self) -> dict[int, list[Evaluation]]:
        """Its evaluations by seed, in their order."""
        known = self.rounds[self.rounds["accuracy"].notna()]
        found: dict[int, list[Evaluation]] = {seed: [] for seed in self.seeds}
        for seed, rows in known.groupby("seed"):
            updates = rows["updates"] if "updates" in rows and rows["updates"].notna().all() else rows["round"]
            columns = zip(updates, rows["sim_time_s"], rows["accuracy"], rows["loss"], strict=True)
            found[int(str(seed))] = [Evaluation(*map(float, row)) for row in columns]
        return found
