"""The figures of a trial that a search can look for or bound, and how they are read from its folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.experiments.trial.learned_task import predicts_tokens
from simulator.settings.csv_cells import unescaped_row
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

LEARNED = (
    *("settled_accuracy", "final_accuracy", "best_accuracy", "final_loss", "perplexity"),
    *("personal_accuracy", "personal_accuracy_worst_decile"),
    *("personal_accuracy_participants", "personal_accuracy_participants_worst_decile"),
)
"""Figures that only training gives."""
TO_TARGET = (
    *("time_to_target_s", "bytes_to_target", "client_energy_to_target_j", "cost_to_target_usd", "carbon_to_target_kg"),
    *("time_to_target_held_s", "bytes_to_target_held", "client_energy_to_target_held_j"),
)
"""Figures until the target: until the first evaluation that reaches it, or, held, the first of two in a row."""
SPENT = {
    "bytes_to_target": ("time_to_target_s", ("bytes_up", "bytes_down")),
    "bytes_to_target_held": ("time_to_target_held_s", ("bytes_up", "bytes_down")),
    "client_energy_to_target_j": ("time_to_target_s", ("client_energy_j",)),
    "client_energy_to_target_held_j": ("time_to_target_held_s", ("client_energy_j",)),
}
"""Figures that are running totals at a moment: the key of the moment, and the columns of ``rounds.csv``."""
DRY = (
    *("sim_time_s", "first_round_s", "later_round_s"),
    *("bytes", "bytes_up", "bytes_down", "bytes_provisioning", "bytes_edge_up", "bytes_edge_down"),
    *("first_round_bytes", "later_round_bytes", "client_flops", "server_flops"),
    *("client_energy_j", "client_active_energy_j", "server_energy_j", "energy_per_update_j"),
    *("peak_client_memory_bytes", "peak_server_memory_bytes", "trainable_parameters"),
    *("updates", "lost_updates", "unfinished_updates", "empty_rounds", "mean_staleness"),
    *("wasted_device_seconds", "wasted_bytes", "wasted_flops", "wasted_energy_j"),
    *("server_utilisation", "server_wait_s", "server_queue_length", "cost_usd", "carbon_kg"),
)
"""Figures that a dry run gives, too; ``bytes`` are those up and down."""
MEASURES = (*LEARNED, *TO_TARGET, *DRY)
"""All figures. ``wall_time_s`` is none of them: it says how fast this machine is."""


def known(name: str, space: Iterable[str] = ()) -> str:
    """Return the name of a figure, or of a key of the space, which is as good as a figure.

    Raises:
        ValueError: there is no such figure; the message says which is near.
    """
    if name not in MEASURES and name not in space:
        hint = near_miss(name, (*MEASURES, *space)) or f"; there are {listed(MEASURES)}"
        raise ValueError(f'a trial has no figure "{name}"{hint}')
    return name


def missing(name: str, scenario: Scenario, dry: bool) -> str | None:
    """Return why no trial of a scenario can have a figure; None if one can.

    Args:
        name: the figure.
        scenario: the base scenario.
        dry: whether its trials are dry runs.
    """
    if dry and name in (*LEARNED, *TO_TARGET):
        return "a dry run has no accuracy: search without --dry, or by what a dry run gives, such as sim_time_s"
    if name in TO_TARGET and scenario.target_accuracy is None and scenario.target_loss is None:
        return (
            "the scenario has neither target_accuracy nor target_loss: set one, with set: {target_accuracy: 0.7} or "
            "{target_loss: 0.8}"
        )
    if name == "perplexity" and not predicts_tokens(scenario):
        return "only models that predict the next token have one: search by final_loss or an accuracy"
    if name.startswith("cost_") and scenario.prices is None:
        return "the scenario has no prices"
    if name.startswith("carbon_") and scenario.carbon is None:
        return "the scenario has no carbon intensities"
    if name.startswith("bytes_edge") and not scenario.world.edges:
        return "the scenario has no edges"
    return None


def figures_of(folders: Sequence[Path], names: Iterable[str]) -> dict[str, float | None]:
    """Return figures as means over trials that differ in their seeds only; None where one of them has no value.

    Args:
        folders: the folder of each trial.
        names: the figures.
    """
    names = list(names)
    trials = [_of_trial(folder, names) for folder in folders]
    return {name: _mean([trial[name] for trial in trials]) for name in names}


def curve_of(folder: Path) -> dict[int, float]:
    """Return the accuracies of a trial by round, as far as they were evaluated."""
    return {int(row["round"]): float(row["accuracy"]) for row in _rounds(folder) if row["accuracy"]}


def _of_trial(folder: Path, names: Sequence[str]) -> dict[str, float | None]:
    (summary,) = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["trials"]
    return {name: _figure(folder, summary, name) for name in names}


def _figure(folder: Path, summary: Mapping[str, Any], name: str) -> float | None:
    if name == "bytes":
        return float(summary["bytes_up"] + summary["bytes_down"])
    if name not in SPENT:
        value = summary.get(name) if name == "perplexity" else summary[name]  # trials of earlier versions lack it
        return None if value is None or not isfinite(value) else float(value)
    moment, columns = SPENT[name]
    if summary[moment] is None:
        return None
    row = next(row for row in _rounds(folder) if float(row["sim_time_s"]) >= summary[moment])
    return sum(float(row[column]) for column in columns)


def _rounds(folder: Path) -> list[dict[str, str]]:
    with (folder / "rounds.csv").open(newline="", encoding="utf-8") as file:
        return [unescaped_row(row) for row in csv.DictReader(file)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
