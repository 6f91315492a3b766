"""The trace of a run, as a file for Perfetto (https://ui.perfetto.dev) or chrome://tracing.

It is gzipped JSON; `analysis.trace.events` describes its content. A microsecond of the trace is one of the simulated
clock. The ledger is read and the file is written bit by bit, so that a long run needs no more memory than a short one.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from analysis.reading import RunError
from analysis.runs import Run, load_run
from analysis.trace.events import TrialEvents
from analysis.trace.excerpt import Excerpt, fair_shares
from analysis.trace.numbers import Numbers
from analysis.trace.survey import excerpt, survey
from analysis.trace.tables import Tables
from analysis.trace.text import Block, plain
from analysis.versions import versions_told
from simulator.settings.files import atomically
from simulator.settings.humanize import human

SUFFIX = ".json.gz"
MOST_SHOWN = 200_000
"""About how many events a trace has at most, unless more are asked for: a browser opens them in seconds."""
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
        shown: by trial, what is shown of it in words, if something is left out.
    """

    path: Path
    trials: int
    events: int
    size: int
    shown: dict[str, str]

    def __str__(self) -> str:
        trials = "1 trial" if self.trials == 1 else f"{self.trials} trials"
        summary = f"{self.path}: {self.events:,} events of {trials}, {human('bytes', self.size)}"
        if self.events > MOST_EVENTS:
            hint = "--trial writes one trial alone" if self.trials > 1 else "--most shows fewer rounds"
            return f"{summary}; a browser may not open so many: {hint}"
        excerpts = [f"{trial}: only {said} are shown" for trial, said in self.shown.items()]
        excerpts += ["the trace says where something is left out; --all writes everything"] if excerpts else []
        return "\n".join([f"{summary}; open it at https://ui.perfetto.dev", *excerpts])


def write_trace(
    folder: str | Path,
    trial: str | None = None,
    out: str | Path | None = None,
    most: int | None = MOST_SHOWN,
) -> Trace:
    """Write the trace of all trials of a run, or of one of them.

    A trial with too many events is shown in part: the first rounds, the last and the slowest, each of them whole. If
    that is still too much, it is shown for some devices, the slowest and the fastest among them. Counters and the track
    of rounds say what is left out.

    Args:
        folder: the folder of the run.
        trial: the trial, as `label-seed`; by default all of them.
        out: the file to write, whose name ends in `.json.gz`; by default `trace.json.gz` or `trace-TRIAL.json.gz` in
            the folder of the run.
        most: about how many events to write at most; None: all of them.

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
        tables = [Tables(run, row) for row in chosen]
        excerpts = _excerpts(tables, most)
        numbers = Numbers(len(chosen) + 1)  # no track may have the number of a process
        parts = zip(tables, chosen, excerpts, strict=True)
        blocks = (
            block
            for pid, (ledger, row, shown) in enumerate(parts, start=1)
            for block in TrialEvents(run, ledger, row, shown, pid, numbers).blocks()
        )
        about = {"scenario": run.name, "sfsim": run.version, "dry": run.dry, "clock": "simulated"}
        left_out = {ledger.name: str(shown) for ledger, shown in zip(tables, excerpts, strict=True) if str(shown)}
        written = _write(path, blocks, about | ({"shown": left_out} if left_out else {}))
    return Trace(path, len(chosen), written, path.stat().st_size, left_out)


def _excerpts(tables: list[Tables], most: int | None) -> list[Excerpt]:
    """Return what is shown of each trial, so that all have about so many events together."""
    if most is None:
        return [Excerpt() for _ in tables]
    rounds = [survey(ledger) for ledger in tables]
    shares = fair_shares((float(found.events.sum()) for found in rounds), most)
    return [excerpt(*parts) for parts in zip(tables, rounds, shares, strict=True)]


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


def _write(path: Path, blocks: Iterator[Block], about: dict[str, Any]) -> int:
    """Write a trace to a file that appears only when it is complete, one event per line; return how many there are.

    Args:
        path: the file to write.
        blocks: the events.
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
                    for block in blocks:
                        text.write(",\n" if number else "\n")
                        text.write(block.text)
                        number += block.events
                    # With "ns", early versions of Perfetto take all times for nanoseconds.
                    text.write(f'\n],"displayTimeUnit":"ms","otherData":{plain(about)}}}\n')

    try:
        atomically(path, write)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error
    return number
