"""A run folder with very many devices, made of one with few by multiplying its tables."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import compute, csv, parquet

SCENARIO = """\
name: crowd
world:
  provisioning: preinstalled
  devices:
    - {name: raspberry-pi-4, count: 40}
    - {name: jetson-nano, count: 24, presence: {name: on_off, mean_present: 3 s, mean_absent: 1 s}}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: digits, partition: {name: dirichlet, alpha: 0.5, min_samples: 1}}
training: {rounds: 2, clients_per_round: 60, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.05}}
evaluation: {samples: 10}
algorithms:
  - {name: fedavg, label: FL}
"""
"""Sixty-four devices, some of which are away at times, in two rounds."""
NAMED = ("client", "site", "source", "target", "name")
"""The columns of a ledger that name devices."""
SUMS = ("bytes_up", "bytes_down", "bytes_provisioning", "client_flops", "client_energy_j", "client_active_energy_j")
SLOWEST = 0.4
"""The first copy of a device is as slow as the device itself, and every other one takes a part of its time."""


def simulated_few(folder: Path) -> Path:
    """Simulate a dry run of `SCENARIO` below a folder, and return the folder of the run."""
    from rich.console import Console

    from simulator.experiments.run.run import run_scenario
    from simulator.scenario.scenario import load

    (folder / "crowd.yaml").write_text(SCENARIO)
    return run_scenario(load(folder / "crowd.yaml"), dry=True, out=folder / "out", console=Console(file=io.StringIO()))


def crowded(source: Path, folder: Path, times: int) -> Path:
    """Write a run folder in which each device of another is there so many times, and return it.

    The copies of a device have names of their own, and are quicker than it is: whoever was last in a round still is.
    The tables agree with each other in names and in numbers of rows; sums that do not follow from them are estimates.

    Args:
        source: a run folder, each of whose trials has a ledger.
        folder: the folder to write.
        times: how often each device is there.
    """
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file() and path.name not in ("clients.csv", "report.html", ".lock", "manifest.json"):
            shutil.copy(path, folder)
    ledgers = sorted((source / "ledger").iterdir())
    for trial in ledgers:
        own = folder / "ledger" / trial.name
        own.mkdir(parents=True)
        sites = parquet.read_table(trial / "sites.parquet")
        devices = sites.filter(compute.equal(sites["role"], "device"))["name"].to_pylist()
        for path in sorted(trial.glob("*.parquet")):
            table = parquet.read_table(path)
            alone = path.name in ("rounds.parquet", "critical_path.parquet")
            parquet.write_table(table if alone else multiplied(table, devices, times), own / path.name)
    if (source / "clients.csv").is_file():
        table = csv.read_csv(source / "clients.csv")
        csv.write_csv(multiplied(table, devices, times), folder / "clients.csv")
    head = json.loads((source / "summary.json").read_text())
    for row in head["trials"]:
        row |= {name: row[name] * times for name in SUMS if row.get(name)}
    (folder / "summary.json").write_text(json.dumps(head))
    scenario = (folder / "scenario.yaml").read_text().splitlines()
    counted = [f"{line.split('count:')[0]}count: {int(line.split('count:')[1]) * times}" if "count:" in line else line
               for line in scenario]  # fmt: skip
    (folder / "scenario.yaml").write_text("\n".join(counted) + "\n")
    return folder


def multiplied(table: pyarrow.Table, devices: list[str], times: int) -> pyarrow.Table:
    """Return a table in which the rows that name a device are there once for each of its copies.

    Args:
        table: a table of a ledger, or of the samples of clients.
        devices: the names of all devices.
        times: how often each device is there.
    """
    known = pyarrow.array(devices)
    columns = [name for name in NAMED if name in table.column_names]
    mentions = np.zeros(len(table), bool)
    for name in columns:
        mentions |= compute.is_in(table[name].cast(pyarrow.string()), value_set=known).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(table)), np.where(mentions, times, 1))
    copy = np.arange(len(rows)) - np.searchsorted(rows, rows)
    if "start" not in table.column_names:  # not by time but by device: all rows of its first copy, then of its second
        order = np.lexsort((rows, copy, _codes(table[columns[0]])[rows]))
        rows, copy = rows[order], copy[order]
    result = table.take(pyarrow.array(rows))
    for name in columns:
        texts = table[name].cast(pyarrow.string()).combine_chunks().dictionary_encode()
        words = texts.dictionary.to_pylist()
        names = _names(words, set(devices), times)
        flat = pyarrow.array([each for own in names for each in own], pyarrow.string())
        places = compute.fill_null(texts.indices, -1).to_numpy(zero_copy_only=False)[rows]
        places = np.where(places < 0, -1, places * times + copy)
        taken = flat.take(pyarrow.array(places, mask=places < 0))
        result = result.set_column(result.column_names.index(name), name, taken)
    if "start" in table.column_names:
        part = np.where(copy == 0, 1.0, SLOWEST + (0.98 - SLOWEST) * _spread(rows, copy))
        for name in ("start", "seconds"):
            values = result[name].to_numpy() * part
            result = result.set_column(result.column_names.index(name), name, pyarrow.array(values))
        if "asked" in table.column_names:
            asked = np.minimum(result["asked"].to_numpy() * part, result["start"].to_numpy())
            result = result.set_column(result.column_names.index("asked"), "asked", pyarrow.array(asked))
    return result.replace_schema_metadata(table.schema.metadata)


def copied(name: str, number: int, times: int) -> str:
    """Return the name of a copy of a device: `pi-3` four times is `pi-12` to `pi-15`."""
    group, _, place = name.rpartition("-")
    return f"{group}-{int(place) * times + number}"


def _codes(column: pyarrow.ChunkedArray) -> np.ndarray:
    """Return for each row which of the distinct texts of a column it has, in the order in which they first appear."""
    codes: np.ndarray = column.cast(pyarrow.string()).combine_chunks().dictionary_encode().indices.to_numpy()
    return codes


def _names(words: list[str], devices: set[str], times: int) -> list[list[str]]:
    return [
        [copied(word, number, times) for number in range(times)] if word in devices else [word] * times
        for word in words
    ]


def _spread(rows: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """Return a number from 0 to 1 for each copy, the same in all tables."""
    spread: np.ndarray = (copy * 0.6180339887498949) % 1.0
    return spread
