"""The reference of columns: the CSV files, `summary.json` and the Parquet tables of the ledger."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml
from tables import code, sentence, table

from simulator.accounting.critical_path import Segment
from simulator.accounting.ledger import Ledger

FILES = {
    "summary.json": "A list `trials`, with these keys in SI units; null where there is no value, as accuracies in a dry"
    " run. Beside it stand `scenario`, `version`, `dry` and `task`: `classification`, `next_token` or"
    " `multiple_choice`.",
    "rounds.csv": "A row for each round of each trial: accuracies and running totals.",
    "breakdown.csv": "Where time, bytes, FLOPs and joules go.",
    "clients.csv": "Who has which samples.",
    "waste.csv": "What was spent in vain; only where something was.",
    "costs.csv": "What was paid and emitted; only with `prices` or `carbon`.",
    "queues.csv": "The queues of the server and the edges.",
    "waits.csv": "Who waited there.",
    "critical_path.csv": "What the rounds waited for.",
    "suggestions.csv": "In the folder of a search: what became of each suggestion. Each key of the space, each "
    "objective and each constrained figure has a column, too; figures are means over the seeds.",
    "points.csv": "In the folder of a sweep: which trial belongs to which point. Each axis has a column, too.",
}


TYPES = {
    "str": "text",
    "str | None": "text or null",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
}
"""What the types of the ledger's columns are called."""


def described() -> dict[str, dict[str, str]]:
    """Return what each column of each CSV file says, and each key of a trial in ``summary.json``."""
    text = Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = yaml.safe_load(text)
    return found


def page() -> str:
    """Return the page."""
    lines = [
        "# Columns",
        "What the files of a run folder hold. All figures are in SI units: seconds, bytes, FLOPs, joules, watts;"
        " accuracies are fractions. CSV files have their column names in the first line, and empty cells where there is"
        " no value. Beside these a folder has `scenario.yaml`, the scenario as resolved, which `sfsim run` can run"
        " again, and `environment.json`, with the versions and the machine.",
    ]
    for file, columns in described().items():
        lines += [f"## {file}", FILES[file]]
        lines.append(table(("column", "meaning"), [(code(name), sentence(text)) for name, text in columns.items()]))
    lines += [
        "## The ledger",
        "`ledger/LABEL-SEED/` has one Parquet file for each table. `pandas.read_parquet` reads them.",
    ]
    kinds = {name: rows.row for name, rows in Ledger().tables().items()} | {"critical_path": Segment}
    for name, kind in kinds.items():
        lines += [
            f"### {name}.parquet",
            sentence(summary_of(kind)),
            table(("column", "type", "meaning"), rows_of(kind)),
        ]
    return "\n\n".join(lines)


def summary_of(kind: type) -> str:
    """Return the docstring of a kind of row up to its attributes."""
    return re.split(r"\n\n(?=Attributes:\n)", inspect.getdoc(kind) or "")[0]


def rows_of(kind: Any) -> list[tuple[str, str, str]]:
    """Return a row for each column of a table of the ledger: its name, its type and what it says."""
    match = re.search(r"^Attributes:\n((?:[ ]+.*\n?|\n)+)", inspect.getdoc(kind) or "", re.MULTILINE)
    section = textwrap.dedent(match[1]) if match else ""
    texts = {
        name: text
        for names, text in re.findall(r"^(\w[\w, ]*): ((?:.*\n?)(?:[ ]+.*\n?)*)", section, re.MULTILINE)
        for name in names.split(", ")
    }
    plain = {"client": "the device", "round": "the round", "start": "when it began, in seconds of the simulated clock"}
    plain["seconds"] = "how long it lasted"
    annotations = {name: getattr(hint, "__forward_arg__", hint) for name, hint in kind.__annotations__.items()}
    return [
        (code(name), TYPES.get(annotations[name], ""), sentence(texts.get(name) or plain.get(name, "")))
        for name in kind._fields
    ]
