"""The measures in the tables of a report: their groups and names, and when each is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.headline import ACCURACY, HELD, LOSS
from simulator.settings.humanize import Kind


@dataclass(frozen=True)
class TableMeasure:
    """A row of the list of measures: where it stands in the table, and the column of the summary that it shows.

    Of those that have a value, some are shown only if one is not zero, if not all trials aggregate the same, if one is
    at least a threshold, or if devices may have models of their own; the loss, if models are compared by it. Some have
    no best.
    """

    group: str
    name: str
    column: str
    kind: Kind
    more_is_better: bool = False
    shown: Literal["always", "nonzero", "uneven", "busy", "personal", "loss"] = "always"
    marked: bool = True
    essential: bool = False


MEASURES = (
    TableMeasure("Learning", "Loss", LOSS, "count", shown="loss", essential=True),
    TableMeasure("Learning", "Perplexity", "perplexity", "count", essential=True),
    TableMeasure("Learning", "Settled accuracy", ACCURACY, "fraction", more_is_better=True, essential=True),
    TableMeasure("Learning", "Time to target, held", HELD, "seconds", essential=True),
    TableMeasure("Learning", "Final accuracy", "final_accuracy", "fraction", more_is_better=True),
    TableMeasure("Learning", "Best accuracy", "best_accuracy", "fraction", more_is_better=True),
    *(
        TableMeasure("Learning", name, column, "fraction", more_is_better=True, shown="personal")
        for name, column in (
            ("Personal accuracy", "personal_accuracy"),
            ("Personal, worst decile", "personal_accuracy_worst_decile"),
            ("Personal, participants", "personal_accuracy_participants"),
            ("Participants, worst decile", "personal_accuracy_participants_worst_decile"),
        )
    ),
    TableMeasure("Learning", "Trainable parameters", "trainable_parameters", "count"),
    TableMeasure(
        *("Updates", "Aggregated", "updates", "count"),
        more_is_better=True,
        shown="uneven",
        marked=False,
        essential=True,
    ),
    TableMeasure("Updates", "Lost", "lost_updates", "count", shown="nonzero", essential=True),
    TableMeasure("Updates", "Mean staleness", "mean_staleness", "count", shown="nonzero"),
    TableMeasure("Time", "Time to target", "time_to_target_s", "seconds"),
    TableMeasure("Time", "Simulated time", "sim_time_s", "seconds", essential=True),
    TableMeasure("Time", "First round", "first_round_s", "seconds", essential=True),
    TableMeasure("Time", "Later round", "later_round_s", "seconds", essential=True),
    TableMeasure("Server", "Busy", "server_utilisation", "fraction", shown="busy", marked=False),
    TableMeasure("Server", "Mean wait", "server_wait_s", "seconds", shown="nonzero", marked=False),
    TableMeasure("Server", "Mean queue", "server_queue_length", "count", shown="nonzero", marked=False),
    TableMeasure("Traffic", "Sent in all", "bytes", "bytes", essential=True),
    TableMeasure("Traffic", "First round", "first_round_bytes", "bytes", essential=True),
    TableMeasure("Traffic", "Later round", "later_round_bytes", "bytes", essential=True),
    TableMeasure("Traffic", "Sent up", "bytes_up", "bytes"),
    TableMeasure("Traffic", "Sent down", "bytes_down", "bytes"),
    TableMeasure("Traffic", "of which provisioning", "bytes_provisioning", "bytes"),
    TableMeasure("Traffic", "Edges sent up", "bytes_edge_up", "bytes", shown="nonzero"),
    TableMeasure("Traffic", "Edges were sent", "bytes_edge_down", "bytes", shown="nonzero"),
    TableMeasure("Work", "Device FLOPs", "client_flops", "flops"),
    TableMeasure("Work", "Server FLOPs", "server_flops", "flops"),
    TableMeasure("Energy", "Devices", "client_energy_j", "joules", essential=True),
    TableMeasure("Energy", "Devices, per update", "energy_per_update_j", "joules", shown="uneven", essential=True),
    TableMeasure("Energy", "Server", "server_energy_j", "joules", essential=True),
    TableMeasure("Money", "Cost", "cost_usd", "usd", essential=True),
    TableMeasure("Money", "Cost to target", "cost_to_target_usd", "usd"),
    TableMeasure("Carbon", "Emissions", "carbon_kg", "kg", essential=True),
    TableMeasure("Carbon", "Emissions to target", "carbon_to_target_kg", "kg"),
    TableMeasure("Peak memory", "of a device", "peak_client_memory_bytes", "bytes", essential=True),
    TableMeasure("Peak memory", "of the server", "peak_server_memory_bytes", "bytes", essential=True),
    TableMeasure("Wasted", "Device time", "wasted_device_seconds", "seconds", shown="nonzero"),
    TableMeasure("Wasted", "Bytes", "wasted_bytes", "bytes", shown="nonzero"),
    TableMeasure("Wasted", "FLOPs", "wasted_flops", "flops", shown="nonzero"),
    TableMeasure("Wasted", "Energy", "wasted_energy_j", "joules", shown="nonzero"),
)
