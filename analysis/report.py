"""A run as one HTML file that opens anywhere: no network, no script, figures inside."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.figures import write_figures
from analysis.humanize import human
from analysis.measures import highlights, measure_rows
from analysis.runs import Run, load_run

_CAPTIONS = {
    "accuracy_vs_time": (
        "Accuracy over time",
        "The line that is highest at the moment you can wait for is the one to take; a step is one evaluation.",
    ),
    "accuracy_vs_bytes": (
        "Accuracy over traffic",
        "The same steps against all bytes sent up and down: the further left a line rises, the less it costs a link.",
    ),
    "accuracy_vs_energy": (
        "Accuracy over device energy",
        "The same steps against the joules of the devices taking part, their waiting included.",
    ),
    "where_it_goes": (
        "Where it goes",
        "Look for the widest piece of each bar: it is what a faster device, a faster link or another cut would change.",
    ),
    "round_timeline": (
        "One round",
        "Gaps in a device's lanes are waiting; a full server lane means that the devices queue for it.",
    ),
    "label_histogram": (
        "Data of each device",
        "Rows that look alike have the same mix of classes; the less alike they are, the harder models are to average.",
    ),
}


@dataclass(frozen=True)
class _Picture:
    name: str
    title: str
    caption: str
    data: str  # the PNG in base64


def write_report(folder: str | Path, figures: Sequence[Path] | None = None) -> Path:
    """Write `report.html` into a run folder and return its path.

    `figures` are the files that `write_figures` has just drawn; without them they are drawn anew. Raises RunError.
    """
    run = load_run(folder)
    drawn = {path.stem: path for path in (figures if figures is not None else write_figures(folder))}
    measured = bool(run.rounds["accuracy"].notna().any())  # without it the curves are empty, and say nothing
    rows = measure_rows(run)
    groups = {group: [row for row in rows if row.group == group] for group in dict.fromkeys(row.group for row in rows)}
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template("report.html.j2").render(
        run=run,
        facts=_facts(run),
        highlights=highlights(run),
        groups=groups,
        most_seeds=max(len(run.seeds(label)) for label in run.labels),
        target=human("fraction", run.target_accuracy),
        wall_time=human("seconds", float(run.summary["wall_time_s"].sum())),
        pictures=[
            _Picture(name, title, caption, base64.b64encode(drawn[name].read_bytes()).decode("ascii"))
            for name, (title, caption) in _CAPTIONS.items()
            if name in drawn and (measured or not name.startswith("accuracy"))
        ],
        environment=list(_flat(run.environment)),
    )
    path = run.folder / "report.html"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(html, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _facts(run: Run) -> list[tuple[str, str]]:
    """What was compared, in a line each; a scenario that lacks a key lacks the line."""
    scenario = run.scenario
    training, data, world = (_section(scenario, key) for key in ("training", "data", "world"))
    partition, server = _section(data, "partition"), _section(world, "server")
    devices = [group for group in world.get("devices") or [] if isinstance(group, Mapping)]
    spread = partition.get("name")
    if spread == "dirichlet" and "alpha" in partition:
        spread = f"Dirichlet, alpha {partition['alpha']}"
    facts = {
        "Model": _section(scenario, "model").get("name"),
        "Data": ", ".join(str(part) for part in (data.get("name"), spread) if part),
        "Devices": ", ".join(f"{group.get('count', 1)} × {group.get('name', 'device')}" for group in devices),
        "Server": server.get("name"),
        "Rounds": training.get("rounds"),
        "Devices a round": training.get("clients_per_round"),
        "Seeds": ", ".join(str(seed) for seed in dict.fromkeys(run.summary["seed"])),
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _section(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as lines: `packages.torch`, `2.6.0`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, str(value)
