"""The trace of a run, as a file for Perfetto (https://ui.perfetto.dev) or chrome://tracing.

It is gzipped JSON; `analysis.trace_events` describes its content. A microsecond of the trace is one of the simulated
clock.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

from analysis.reading import RunError
from analysis.runs import Run, load_run
from analysis.trace_events import Event, TrialEvents
from analysis.versions import versions_told
from simulator.settings.files import atomically
from simulator.settings.humanize import human

SUFFIX = ".json.gz"
MOST_EVENTS = 2_000_000
"""With more events than this, the user is warned that a browser may not open the trace."""


@dataclass(frozen=True)
class Trace:
    """A trace that was written; as text, a summary for the user.

    Attributes:
        path: the file.
        trials: how many trials it holds.
        events: how many events it holds.
        size: the size of the file, in bytes.
    """

    path: Path
    trials: int
    events: int
    size: int

    def __str__(self) -> str:
        trials = "1 trial" if self.trials == 1 else f"{self.trials} trials"
        summary = f"{self.path}: {self.events:,} events of {trials}, {human('bytes', self.size)}"
        if self.events > MOST_EVENTS:
            hint = "--trial writes one trial alone" if self.trials > 1 else "fewer rounds give fewer"
            return f"{summary}; a browser may not open so many: {hint}"
        return f"{summary}; open it at https://ui.perfetto.dev"


def write_trace(folder: str | Path, trial: str | None = None, out: str | Path | None = None) -> Trace:
    """Write the trace of all trials of a run, or of one of them.

    Args:
        folder: the folder of the run.
        trial: the trial, as `label-seed`; by default all of them.
        out: the file to write, whose name ends in `.json.gz`; by default `trace.json.gz` or `trace-TRIAL.json.gz` in
            the folder of the run.

    Raises:
        RunError: there is no such run or trial, a file of it cannot be read, or the trace cannot be written.
    """
    folder = Path(folder)
    path = Path(out) if out is not None else folder / f"trace{f'-{trial}' if trial else ''}{SUFFIX}"
    if not path.name.endswith(SUFFIX):
        raise RunError(f"{path}: the name of a trace ends in {SUFFIX}")
    with versions_told(folder):
        run = load_run(folder)
    chosen = _chosen(run, trial)
    with versions_told(folder):
        ids, flows = count(len(chosen) + 1), count(1)  # no track may have the number of a process
        events = (
            event
            for pid, row in enumerate(chosen, start=1)
            for event in TrialEvents(run, row, pid, ids, flows).events()
        )
        about = {"scenario": run.name, "sfsim": run.version, "dry": run.dry, "clock": "simulated"}
        written = _write(path, events, about)
    return Trace(path, len(chosen), written, path.stat().st_size)


def _chosen(run: Run, trial: str | None) -> list[Any]:
    """Return the rows of the summary of all trials, or that of the trial with this name."""
    by_name = {f"{row.label}-{row.seed}": row for row in run.summary.itertuples()}
    if trial is None:
        return list(by_name.values())
    if trial in by_name:
        return [by_name[trial]]
    near = get_close_matches(trial, by_name, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise RunError(f"{run.folder}: there is no trial {trial!r}{hint} (there are: {', '.join(by_name)})")


def _write(path: Path, events: Iterator[Event], about: dict[str, Any]) -> int:
    """Write a trace to a file that appears only when it is complete, one event per line; return how many there are.

    Args:
        path: the file to write.
        events: the events.
        about: what describes the trace as a whole.

    Raises:
        RunError: the file cannot be written.
    """
    number = 0

    def write(partial: Path) -> None:
        nonlocal number
        with partial.open("wb") as file:
            # No file name and no time in the header, so that the same run gives the same bytes.
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                with io.TextIOWrapper(packed, encoding="utf-8") as text:
                    text.write('{"traceEvents":[')
                    for number, event in enumerate(events, start=1):
                        text.write(",\n" if number > 1 else "\n")
                        text.write(_json(event))
                    # With "ns", early versions of Perfetto take all times for nanoseconds.
                    text.write(f'\n],"displayTimeUnit":"ms","otherData":{_json(about)}}}\n')

    try:
        atomically(path, write)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error
    return number


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
