"""The figures of trials as a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.quantities import kind_of
from simulator.settings.humanize import human


def figures_table(
    trials: Sequence[tuple[Mapping[str, object], Mapping[str, float]]], figures: Sequence[str], most: int = 200
) -> str:
    """Return a table in Markdown: a row for each trial, with what tells it from others, and its figures with units.

    Args:
        trials: of each trial, what tells it from others, and its figures in SI.
        figures: the names of the figures, of which those that no trial has are left out.
        most: at most so many rows.
    """
    trials = trials[:most]
    keys = list(dict.fromkeys(key for about, _ in trials for key in about))
    there = [key for key in figures if any(key in numbers for _, numbers in trials)]
    rows = [
        [
            *(str(about.get(key, "")) for key in keys),
            *(human(kind_of(key), numbers[key]) if key in numbers else "" for key in there),
        ]
        for about, numbers in trials
    ]
    lines = [[*keys, *there], ["---"] * (len(keys) + len(there)), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
