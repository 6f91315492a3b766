"""Predictions beside measurements: every row of a file, its error, and whether the device was fitted to its like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from simulator.experiments.evidence.predicting import architecture, predicted
from simulator.experiments.evidence.rows import Row, read_rows

MEDIAN, WORST = 0.15, 0.35
"""The bounds on the absolute error of held-out rows: their median, and the largest."""
OUTSIDE = "outside the bounds"
NEEDED = 2
"""How many architectures must be held out on a device before its prediction counts as tested."""
Progress = Callable[[int, int], Any]
"""Called with the number of rows that are done, and with their total."""


@dataclass(frozen=True)
class Compared:
    """A measured row beside its prediction.

    Attributes:
        row: the row.
        predicted: the predicted seconds; None if the row is not modelled.
        architecture: the class of the model.
        used: ``fitted`` if the device was fitted to a row of this architecture, to this one or another; else
            ``held out``; ``listed`` if it counts for nothing; ``not modelled`` if there is no prediction.
    """

    row: Row
    predicted: float | None
    architecture: str
    used: str

    @property
    def measured(self) -> float:
        """The measured seconds."""
        return self.row.measured

    @property
    def error(self) -> float | None:
        """The relative error of the prediction: more than 0 where it is too slow."""
        return None if self.predicted is None else self.predicted / self.measured - 1


@dataclass(frozen=True)
class Verdict:
    """How far the predictions for one device at one precision can be trusted.

    Attributes:
        device, precision: the device.
        fitted, held_out, listed, not_modelled: how many rows there are of each kind.
        architectures: the architectures that were held out.
        errors: the absolute errors of the held-out rows.
    """

    device: str
    precision: str
    fitted: int
    held_out: int
    listed: int
    not_modelled: int
    architectures: tuple[str, ...]
    errors: tuple[float, ...]

    @property
    def words(self) -> str:
        """What is to be said of the device."""
        if len(self.architectures) < NEEDED:
            return "not tested"
        return "within the bounds" if within(self.errors) else OUTSIDE


def passed(compared: Sequence[Compared]) -> bool:
    """Tell whether the held-out rows are within the bounds, all together and on each device that counts as tested."""
    outside = any(verdict.words == OUTSIDE for verdict in verdicts(compared))
    return within(held_out(compared)) and not outside


def within(errors: Sequence[float]) -> bool:
    """Tell whether absolute errors are within the bounds."""
    return not errors or (median(errors) <= MEDIAN and max(errors) <= WORST)


def compare(rows: Sequence[Row], progress: Progress = lambda done, of: None) -> list[Compared]:
    """Return each row with its prediction.

    A row counts as held out only if the device was fitted to no row of the same architecture, at any precision.

    Args:
        rows: the rows.
        progress: called after each row.
    """
    seen = {
        (row.device, architecture(row.model, row.image_size_or_length)) for row in (*read_rows(), *rows) if row.fitted
    }
    compared = []
    for done, row in enumerate(rows, 1):
        kind, seconds = architecture(row.model, row.image_size_or_length), predicted(row)
        used = "listed" if row.used == "listed" else "fitted" if (row.device, kind) in seen else "held out"
        compared.append(Compared(row, seconds, kind, "not modelled" if seconds is None else used))
        progress(done, len(rows))
    return compared


def held_out(compared: Sequence[Compared]) -> list[float]:
    """Return the absolute errors of the held-out rows."""
    return errors_of(compared, "held out")


def errors_of(compared: Sequence[Compared], used: str) -> list[float]:
    """Return the absolute errors of the rows that are used in one way."""
    return [abs(row.error) for row in compared if row.used == used and row.error is not None]


def verdicts(compared: Sequence[Compared]) -> list[Verdict]:
    """Return a verdict for each device and precision, in the order of the rows."""
    groups: dict[tuple[str, str], list[Compared]] = defaultdict(list)
    for row in compared:
        groups[row.row.device, row.row.precision].append(row)
    return [
        Verdict(
            device,
            precision,
            fitted=sum(row.used == "fitted" for row in group),
            held_out=sum(row.used == "held out" for row in group),
            listed=sum(row.used == "listed" for row in group),
            not_modelled=sum(row.used == "not modelled" for row in group),
            architectures=tuple(dict.fromkeys(row.architecture for row in group if row.used == "held out")),
            errors=tuple(held_out(group)),
        )
        for (device, precision), group in groups.items()
    ]
