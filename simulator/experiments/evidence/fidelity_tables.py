"""What ``sfsim fidelity`` shows: tables on the console; in a folder, a CSV file, a figure and tables in Markdown."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.experiments.evidence.fidelity import (
    MEDIAN,
    NEEDED,
    WORST,
    Compared,
    Verdict,
    errors_of,
    held_out,
    verdicts,
    within,
)
from simulator.experiments.evidence.fitting import fitted
from simulator.experiments.evidence.predicting import cost_of
from simulator.experiments.evidence.rows import Row
from simulator.settings.csv_cells import escaped_row
from simulator.settings.disk import written
from simulator.settings.files import atomically
from simulator.settings.humanize import human
from simulator.settings.wording import listed

ROWS = ("device", "model", "architecture", "what", "batch", "precision", "measured", "predicted", "error", "used")
COUNTS = ("fitted", "held out", "listed", "not modelled")
DEVICES = ("device", "precision", *COUNTS, "median", "worst", "architectures held out")
FILES = ("fidelity.csv", "fidelity.png", "fidelity.md")
"""What is written into a folder."""


def tables(compared: Sequence[Compared]) -> RenderableType:
    """Return the rows that are modelled, what is to be said of each device, and the bounds."""
    rows, devices = _table("measured rows", ROWS, 4), _table("devices", (*DEVICES, "verdict"), 2)
    for row in compared:
        if row.error is not None:
            rows.add_row(*_cells(row))
    for verdict in verdicts(compared):
        devices.add_row(*_device(verdict), verdict.words)
    return Group(rows, devices, Text("\n".join(sentences(compared))))


def fits(rows: Sequence[Row]) -> RenderableType:
    """Return the rate and the bandwidth that fit the rows best that are marked as fitted, by device and precision."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.fitted and cost_of(row) is not None:
            groups[row.device, row.precision].append(row)
    table = _table("fitted", ("device", "precision", "rows", "rate reached", "memory bandwidth"), 2)
    for (name, precision), group in groups.items():
        best = fitted(group)
        figures = f"{best.flops_per_s / 1e9:,.4g} GFLOP/s", f"{best.memory_bandwidth / 1e9:,.4g} GB/s"
        table.add_row(name, precision, str(len(group)), *figures)
    return table


def sentences(compared: Sequence[Compared]) -> list[str]:
    """Return what the table says, in words."""
    errors, unknown = held_out(compared), [row for row in compared if row.error is None]
    lines = []
    if errors:
        verdict = "within" if within(errors) else "outside"
        lines.append(
            f"Held out: {len(errors)} rows, absolute error {human('fraction', median(errors))} in the median and "
            f"{human('fraction', max(errors))} at most, {verdict} the bounds of {human('fraction', MEDIAN)} and "
            f"{human('fraction', WORST)}."
        )
    else:
        lines.append("No row is held out: each is of an architecture to which its device was fitted, or not modelled.")
    if uncounted := errors_of(compared, "listed"):
        verdict = "within" if within([*errors, *uncounted]) else "outside"
        lines.append(
            f"Listed, and not counted, for it is not known how they were measured: {len(uncounted)} rows, absolute "
            f"error {human('fraction', median(uncounted))} in the median and {human('fraction', max(uncounted))} at "
            f"most; with them, the held-out rows would be {verdict} the bounds."
        )
    if unknown:
        models = dict.fromkeys(row.row.model for row in unknown)
        lines.append(f"Not modelled, and outside the bounds: {len(unknown)} rows ({listed(models)}).")
    lines.append(f"A device counts as tested with {NEEDED} architectures held out; a DeiT is a VisionTransformer.")
    return lines


def write(folder: Path, compared: Sequence[Compared]) -> None:
    """Write ``FILES`` into a folder.

    Args:
        folder: the folder; it is made if it is not there.
        compared: the rows.
    """
    from analysis.fidelity import plot_fidelity

    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    table, figure, text = (folder / name for name in FILES)
    atomically(table, lambda partial: _write_csv(partial, compared))
    shown = [row for row in compared if row.predicted is not None]
    drawn = plot_fidelity(
        [row.measured for row in shown],
        [row.predicted or 0.0 for row in shown],
        [row.row.device for row in shown],
        [row.used for row in shown],
    )
    atomically(figure, lambda partial: drawn.savefig(partial, format="png"))
    atomically(text, lambda partial: partial.write_text("\n".join(markdown(compared)) + "\n", encoding="utf-8"))


def markdown(compared: Sequence[Compared]) -> Iterator[str]:
    """Yield the lines of the same tables in Markdown, with the sources."""
    yield from _markdown((*DEVICES, "verdict"), [(*_device(verdict), verdict.words) for verdict in verdicts(compared)])
    yield ""
    yield from sentences(compared)
    yield ""
    sources = list(dict.fromkeys(row.row.source or "" for row in compared))
    cells = [(*_cells(row), str(1 + sources.index(row.row.source or ""))) for row in compared if row.error is not None]
    yield from _markdown((*ROWS, "source"), cells)
    yield ""
    yield from (f"{number}. {source}" for number, source in enumerate(sources, 1))


def _write_csv(path: Path, compared: Sequence[Compared]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        given = ("device", "model", "task", "train", "batch_size", "image_size_or_length", "precision")
        writer.writerow((*given, "predicted", "measured", "error", "used", "source"))
        for row in compared:
            values = row.row.model_dump()
            figures = row.predicted, row.measured, row.error, row.used, row.row.source
            cells = [values[key] for key in given] + ["" if figure is None else figure for figure in figures]
            writer.writerow(escaped_row(cells))


def _cells(row: Compared) -> tuple[str, ...]:
    given = row.row
    return (
        given.device,
        given.model,
        row.architecture,
        given.train or given.task,
        str(given.batch_size),
        given.precision,
        human("seconds", row.measured),
        human("seconds", row.predicted),
        f"{round(100 * (row.error or 0)) + 0:+d} %",
        row.used,
    )


def _device(verdict: Verdict) -> tuple[str, ...]:
    errors = verdict.errors
    return (
        verdict.device,
        verdict.precision,
        *(str(number) for number in (verdict.fitted, verdict.held_out, verdict.listed, verdict.not_modelled)),
        human("fraction", median(errors) if errors else None),
        human("fraction", max(errors, default=None)),
        listed(verdict.architectures) if verdict.architectures else "none",
    )


def _table(title: str, headings: Sequence[str], words: int) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, heading in enumerate(headings):
        text = at < words or heading in ("precision", "used", "verdict") or heading.startswith("architectures")
        table.add_column(heading, justify="left" if text else "right", no_wrap=True)
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    yield from (f"| {' | '.join(row)} |" for row in rows)
