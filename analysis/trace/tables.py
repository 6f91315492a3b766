"""The tables of a trial's ledger, as a trace reads them: batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute

from analysis.batches import LedgerFile
from analysis.power import Site, sites
from analysis.reading import RunError
from analysis.runs import Run
from analysis.trace.excerpt import Excerpt

NAMING = {
    "works": ("site",),
    "transfers": ("source", "target"),
    "engagements": ("client",),
    "absences": ("site",),
    "attempts": ("client",),
    "waits": ("site",),
}
"""By table, the columns that name sites."""


class Tables:
    """The ledger of one trial.

    Attributes:
        name: the name of the trial.
        sites: the server and all devices.
        interrupted: the sites at which works were set aside.
        files: the tables that there are, by name.

    Args:
        run: the run.
        trial: the row of the trial in the run's summary.

    Raises:
        RunError: the trial's ledger cannot be read, or names a site that its table of sites lacks.
    """

    def __init__(self, run: Run, trial: Any) -> None:
        self.name, key = f"{trial.label}-{trial.seed}", (trial.label, int(trial.seed))
        self.sites: list[Site] = sites(run, *key)
        names = "works", "transfers", "rounds", "engagements", "absences", "attempts", "waits", "critical_path"
        found = {name: run.file(*key, name) for name in names}
        self.files: dict[str, LedgerFile] = {name: file for name, file in found.items() if file}
        mentioned, self.interrupted = set[Any](), set[str]()
        for name, columns in NAMING.items():
            for table in self.batches(name, *columns, *(["aside"] if name == "works" else [])):
                for column in columns:
                    mentioned |= set(compute.unique(table[column]).to_pylist())
                if name == "works":
                    aside = table.filter(compute.greater(table["aside"], 0))
                    self.interrupted |= set(compute.unique(aside["site"]).to_pylist())
        unknown = mentioned - {site.name for site in self.sites}
        if unknown:
            folder = run.folder / "ledger" / self.name
            raise RunError(f"{folder}: there is no {min(unknown, key=str)!r} among the trial's sites")

    def batches(self, name: str, *columns: str) -> Iterator[pyarrow.Table]:
        """Yield the rows of a table in the order of its file; none if there is no such table."""
        if name in self.files:
            yield from self.files[name].batches(columns)

    def whole(self, name: str, *columns: str) -> dict[str, np.ndarray]:
        """Return columns of a short table, in the order of their `start`."""
        read = list(self.batches(name, *columns))
        if not read:
            return {column: np.array([]) for column in columns}
        table = pyarrow.concat_tables(read)
        order = np.argsort(table["start"].to_numpy(), kind="stable")
        return {column: table[column].to_numpy()[order] for column in columns}

    def shown(self, name: str, excerpt: Excerpt, *columns: str) -> Iterator[tuple[pyarrow.Table, float]]:
        """Yield the rows of a table that an excerpt shows, by their start.

        Args:
            name: the table; it has `start` and `seconds`.
            excerpt: what is shown.
            columns: the columns to yield.

        Yields:
            Tables, and before which moment nothing more will come.
        """
        if name in self.files:
            yield from self.files[name].ordered("start", columns, excerpt.rows)

    def floors(self, name: str, *columns: str) -> list[float]:
        """Return what `LedgerFile.floors` returns; nothing if there is no such table."""
        return self.files[name].floors(columns) if name in self.files else []
