"""The measures of a trial's summary: the name of each, its unit, and whether more of it is better."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

from analysis.reading import RunError
from analysis.tasks import CLASSIFICATION, worded
from simulator.settings.humanize import Kind

# The columns of a summary that identify a trial; all others are measures.
IDENTITY = frozenset({"trial", "point", "algorithm", "label", "seed", "status", "message"})


@dataclass(frozen=True)
class Measure:
    """A column of a summary, or `bytes`: all that was sent, up and down.

    Attributes:
        column: the name of the column.
        name: its name in words.
        kind: the kind of quantity, which settles its unit.
        more_is_better: whether the highest value is the best one.
    """

    column: str
    name: str
    kind: Kind
    more_is_better: bool = False

    def values(self, frame: pd.DataFrame) -> pd.Series:
        """Return this measure of each row, in SI."""
        if self.column == "bytes" and "bytes" not in frame:
            return frame["bytes_up"] + frame["bytes_down"]
        return frame[self.column]


_NAMES = {
    "settled_accuracy": "settled accuracy",
    "final_accuracy": "accuracy at the end",
    "best_accuracy": "best accuracy",
    "final_loss": "loss at the end",
    "perplexity": "perplexity at the end",
    "personal_accuracy": "personal accuracy, all devices",
    "personal_accuracy_worst_decile": "personal accuracy, all devices, worst decile",
    "personal_accuracy_participants": "personal accuracy, devices that took part",
    "personal_accuracy_participants_worst_decile": "personal accuracy, devices that took part, worst decile",
    "personal_models": "distinct models of the devices",
    "sim_time_s": "simulated time",
    "first_rounds": "rounds with a device that is new",
    "first_round_s": "time of a round with a device that is new",
    "later_round_s": "time of a later round",
    "first_round_bytes": "traffic of a round with a device that is new",
    "later_round_bytes": "traffic of a later round",
    "time_to_target_s": "time to the target",
    "time_to_target_held_s": "time to the target, held",
    "bytes_to_target": "traffic to the target",
    "bytes_to_target_held": "traffic to the target, held",
    "client_energy_to_target_j": "energy of the devices to the target",
    "client_energy_to_target_held_j": "energy of the devices to the target, held",
    "evaluated_samples": "test samples evaluated",
    "bytes": "traffic, up and down",
    "bytes_up": "traffic up",
    "bytes_down": "traffic down",
    "bytes_provisioning": "traffic of provisioning",
    "bytes_edge_up": "traffic of edges up",
    "bytes_edge_down": "traffic of edges down",
    "client_flops": "work of the devices",
    "server_flops": "work of the server",
    "client_energy_j": "energy of the devices",
    "client_active_energy_j": "energy of the devices above idle",
    "server_energy_j": "energy of the server",
    "peak_client_memory_bytes": "peak memory of a device",
    "peak_server_memory_bytes": "peak memory of the server",
    "trainable_parameters": "trainable parameters",
    "wall_time_s": "wall time of the simulation",
    "saved": "part that is saved",
    "server_utilisation": "utilisation of the server",
    "server_wait_s": "mean wait for the server",
    "server_queue_length": "mean queue of the server",
    "updates": "updates aggregated",
    "lost_updates": "updates lost",
    "energy_per_update_j": "energy of the devices per update",
    "mean_staleness": "mean staleness of updates",
    "wasted_device_seconds": "wasted device time",
    "wasted_bytes": "wasted traffic",
    "wasted_flops": "wasted work",
    "wasted_energy_j": "wasted energy",
    "cost_usd": "cost, all payers",
    "carbon_kg": "carbon emissions",
    "cost_to_target_usd": "cost to the target",
    "carbon_to_target_kg": "carbon emissions to the target",
}


def measure_of(frame: pd.DataFrame, column: str, task: str = CLASSIFICATION) -> Measure:
    """Return the measure of this name in a summary.

    Args:
        frame: the summary.
        column: the name of the column, or `bytes`.
        task: what the models learn.

    Raises:
        RunError: there is no such measure; the message names a similar one, or all.
    """
    known = [name for name in ("bytes", *frame.columns) if name not in IDENTITY and _numbers(frame, name)]
    if column not in known:
        near = get_close_matches(column, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise RunError(f"there is no measure {column!r}; {hint}")
    name, better = worded(name_of(column), task), "accuracy" in column or column in ("saved", "updates")
    return Measure(column, name, kind_of(column), more_is_better=better)


def name_of(column: str) -> str:
    """Return what a measure is called in words."""
    return _NAMES.get(column, column.replace("_", " "))


def _numbers(frame: pd.DataFrame, column: str) -> bool:
    return column == "bytes" or pd.api.types.is_float_dtype(frame[column])


def kind_of(column: str) -> Kind:
    """Return the kind of quantity that the name of a column ends in."""
    if "accuracy" in column or column in ("saved", "server_utilisation"):
        return "fraction"
    if column.endswith("_flops"):
        return "flops"
    if column.endswith("_j"):
        return "joules"
    if column.endswith("_usd"):
        return "usd"
    if column.endswith("_kg"):
        return "kg"
    if column.startswith("bytes") or column.endswith("_bytes"):
        return "bytes"
    return "seconds" if column.endswith(("_s", "_seconds")) else "count"
