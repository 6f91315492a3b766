"""Predicted against measured seconds: of rounds, and of what they consist of."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from simulator.scenario.edges import SERVER
from tests.deployment.choreography import Done


class Compared(NamedTuple):
    """Seconds of one thing, predicted and measured.

    Attributes:
        algorithm: the label of the algorithm.
        round: the round.
        what: ``round``, or what part of all rounds: ``works`` of one kind of site, or ``transfers`` in one direction.
        predicted_s, measured_s: the seconds; of a part, of all its works or transfers together.
    """

    algorithm: str
    round: int
    what: str
    predicted_s: float
    measured_s: float

    @property
    def error(self) -> float:
        """How much longer the prediction is than what was measured, as a fraction of the latter."""
        return self.predicted_s / self.measured_s - 1


def part_of(done: Done) -> str:
    """Return the part of a round that a work or a transfer belongs to, in words."""
    if done.target:
        return "transfers down" if done.site == SERVER else "transfers up"
    return "works of the server" if done.site == SERVER else f"works of {done.site.rpartition('-')[0]}"


def parts(algorithm: str, predicted: Sequence[Done], measured: Sequence[Done]) -> Iterator[Compared]:
    """Yield the parts of each round, in the order of their names."""
    sums: dict[tuple[int, str], list[float]] = {}
    for side, rows in enumerate((predicted, measured)):
        for done in rows:
            sums.setdefault((done.round, part_of(done)), [0.0, 0.0])[side] += done.seconds
    for (number, what), (guess, truth) in sorted(sums.items()):
        yield Compared(algorithm, number, what, guess, truth)


def deviations(predicted: Sequence[Done], measured: Sequence[Done]) -> list[str]:
    """Return what was done for real and is not in the schedule, or is there and was not done; empty if they agree.

    What one client has done at one site, and what is sent for it in one direction, must be the same, in the same order,
    and of the same bytes.
    """
    lanes: dict[tuple[Any, ...], list[list[Any]]] = {}
    for side, rows in enumerate((predicted, measured)):
        for done in sorted(rows, key=lambda done: done.start):
            lane = lanes.setdefault((done.client or "", done.round, done.site, done.target), [[], []])
            lane[side].append((done.what, done.bytes))
    return [
        f"{client or 'aggregation'}, round {number}, {site}{' to ' * bool(target)}{target}: the schedule has "
        f"{dict(Counter(scheduled))}, and {dict(Counter(happened))} happened"
        for (client, number, site, target), (scheduled, happened) in sorted(lanes.items())
        if scheduled != happened
    ]


def table(rows: Sequence[Compared], *, by_part: bool = False) -> Table:
    """Return a table to print.

    Args:
        rows: what was compared.
        by_part: of parts, summed over rounds; else a line for each round.
    """
    drawn = Table(box=None, pad_edge=False)
    heads = ("algorithm", "of all rounds" if by_part else "round", "predicted", "measured", "error")
    for number, head in enumerate(heads):
        drawn.add_column(head, justify="right" if number > 1 else "left")
    for row in summed(rows) if by_part else rows:
        figures = f"{row.predicted_s:.2f} s", f"{row.measured_s:.2f} s", f"{row.error:+.1%}"
        drawn.add_row(row.algorithm, row.what if by_part else str(row.round), *figures)
    return drawn


def summed(rows: Sequence[Compared]) -> list[Compared]:
    """Return each part of an algorithm once, with its seconds of all rounds."""
    sums: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        both = sums.setdefault((row.algorithm, row.what), [0.0, 0.0])
        both[0] += row.predicted_s
        both[1] += row.measured_s
    return [Compared(algorithm, 0, what, *both) for (algorithm, what), both in sums.items()]


def median_error(rows: Sequence[Compared]) -> float:
    """Return the median of the errors' sizes."""
    return statistics.median(abs(row.error) for row in rows)


def write(file: Path, rows: Sequence[Compared], **beside: Any) -> None:
    """Write one line of JSON for each thing that was compared.

    Args:
        file: the file, in a folder that is made if it is missing.
        rows: what was compared.
        beside: what every line has besides, such as the processor.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({**row._asdict(), "error": round(row.error, 4), **beside}) for row in rows]
    file.write_text("\n".join(lines) + "\n", "utf-8")
