"""A tiny run to verify, and ways to spoil single values in its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from simulator.experiments.verify.verify import verify

SCENARIO = """\
name: tiny
world:
  devices: [{name: raspberry-pi-4, count: 3}, {name: jetson-nano}]
  server: {name: rtx-4090, slots: 2}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 2, clients_per_round: 2, batch_size: 256, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL, training: {driver: {name: fedbuff, buffer: 2, concurrency: 3}}}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""
Spoil = Callable[[Path], None]
"""Changes something in the folder of a run."""


def problems(folder: Path) -> list[str]:
    return [problem for check in verify(folder) for problem in check.problems]


def in_parquet(table: str, column: str, change: Callable[[Any], Any], row: int = 0, trial: str = "SFL-0") -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "ledger" / trial / f"{table}.parquet"
        found = parquet.read_table(path)
        values = found[column].to_pylist()
        values[row] = change(values[row])
        place = found.schema.get_field_index(column)
        parquet.write_table(
            found.set_column(place, found.schema.field(column), pyarrow.array(values, found.schema.field(column).type)),
            path,
        )

    return spoil


def in_summary(key: str, trial: int = 0) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "summary.json"
        summary = json.loads(path.read_text())
        summary["trials"][trial][key] = (summary["trials"][trial][key] or 0) * 1.0001 + 1
        path.write_text(json.dumps(summary))

    return spoil


def in_text(name: str, old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def in_csv(name: str, column: str, row: int = -1) -> Spoil:
    def spoil(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        cells, place = lines[row].split(","), lines[0].split(",").index(column)
        cells[place] = str(float(cells[place] or 0) * 1.001 + 1)
        lines[row] = ",".join(cells)
        (folder / name).write_text("\n".join(lines) + "\n")

    return spoil


def drop_row(table: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "ledger" / "SFL-0" / f"{table}.parquet"
        found = parquet.read_table(path)
        parquet.write_table(found.slice(0, len(found) - 1), path)

    return spoil


def in_json(name: str, change: Callable[[Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(json.dumps(change(json.loads((folder / name).read_text()))))

    return spoil
