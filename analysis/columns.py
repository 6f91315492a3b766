"""The columns of the tables in a run folder."""

from __future__ import annotations

SUMMARY_COLUMNS = (
    *("algorithm", "label", "seed", "rounds", "final_accuracy", "best_accuracy", "final_loss", "sim_time_s"),
    *("time_to_target_s", "bytes_up", "bytes_down", "bytes_provisioning", "client_flops", "server_flops"),
    *("client_energy_j", "client_active_energy_j", "server_energy_j", "peak_client_memory_bytes"),
    *("peak_server_memory_bytes", "trainable_parameters", "wall_time_s"),
)
ROUNDS_COLUMNS = (
    *("algorithm", "label", "seed", "round", "sim_time_s", "accuracy", "loss", "bytes_up", "bytes_down"),
    *("client_flops", "server_flops", "client_energy_j", "server_energy_j"),
)
PERSONAL_COLUMNS = ("personal_accuracy", "personal_accuracy_worst_decile")
PARTICIPANTS_COLUMNS = ("personal_accuracy_participants", "personal_accuracy_participants_worst_decile")
LATER_COLUMNS = (*PERSONAL_COLUMNS, *PARTICIPANTS_COLUMNS)
WASTED_COLUMNS = ("wasted_device_seconds", "wasted_bytes", "wasted_flops", "wasted_energy_j")
SERVER_COLUMNS = ("server_utilisation", "server_wait_s", "server_queue_length")
EDGE_COLUMNS = ("bytes_edge_up", "bytes_edge_down")
HEADLINE = ("settled_accuracy", "time_to_target_held_s")
COSTS = ("cost_usd", "carbon_kg")
ROUND_COSTS = ("first_rounds", "first_round_s", "later_round_s", "first_round_bytes", "later_round_bytes")
COSTS_TO_TARGET = ("cost_to_target_usd", "carbon_to_target_kg")
SUMMARY_LATER = (
    *LATER_COLUMNS,
    *("updates", "lost_updates", "unfinished_updates", "empty_rounds", "mean_staleness", *WASTED_COLUMNS),
    *("energy_per_update_j", *SERVER_COLUMNS, *EDGE_COLUMNS, *COSTS, *COSTS_TO_TARGET),
    *(*HEADLINE, "evaluated_samples", *ROUND_COSTS, "personal_models", "perplexity"),
)
ROUNDS_LATER = (*LATER_COLUMNS, "updates", *COSTS)
"""Columns that runs of earlier versions, or without prices, lack; there they are read as NaN."""
BREAKDOWN_COLUMNS = (
    *("algorithm", "label", "seed", "side", "phase", "activity", "seconds", "bytes", "flops", "energy_j"),
)
CLIENTS_COLUMNS = ("seed", "client", "device", "class", "class_name", "samples")
WORKS_COLUMNS = ("site", "client", "work", "phase", "round", "asked", "start", "seconds", "flops", "bytes_touched")
SITES_COLUMNS = ("name", "group", "role", "slots", "memory", "idle_w", "compute_w", "upload_w", "download_w")
TRANSFERS_COLUMNS = (
    *("source", "target", "client", "kind", "phase", "round", "start", "seconds", "bytes", "lost", "latency"),
)
ENGAGEMENTS_COLUMNS = ("client", "round", "start", "seconds")
ABSENCES_COLUMNS = ("site", "start", "seconds")
AGGREGATIONS_COLUMNS = ("round", "start", "seconds")
ATTEMPTS_COLUMNS = ("client", "attempt", "base", "start", "seconds", "round", "staleness", "reason")
WASTE_COLUMNS = (*("algorithm", "label", "seed", "reason", "attempts", "device_seconds", "bytes", "flops", "energy_j"),)
COSTS_COLUMNS = ("algorithm", "label", "seed", "payer", "group", "phase", "item", "usd", "carbon_kg")
TRIAL_COLUMNS = ("algorithm", "label", "seed")
QUEUES_COLUMNS = (
    *(*TRIAL_COLUMNS, "site", "gpu", "utilisation", "works", "mean_wait_s", "p95_wait_s", "max_wait_s"),
    *("mean_queue", "max_queue", "passes", "works_per_pass"),
)
WAITS_COLUMNS = (
    *(*TRIAL_COLUMNS, "site", "group", "phase", "works", "mean_wait_s", "p95_wait_s", "max_wait_s", "total_wait_s"),
)
PATHS_COLUMNS = (*TRIAL_COLUMNS, "round", "side", "activity", "phase", "group", "seconds", "share")
FURTHER_WAITS_COLUMNS = ("site", "client", "work", "phase", "round", "start", "seconds", "attempt", "reason", "aside")
"""The columns of the ledger's table of waits that the rows of no works tell."""
SEGMENTS_COLUMNS = (*("round", "start", "seconds", "activity", "side", "site", "client", "group", "phase", "what"),)
"""The columns of the segments of critical paths, which are beside the ledger."""
LEDGER_COLUMNS = {
    "works": WORKS_COLUMNS,
    "transfers": TRANSFERS_COLUMNS,
    "rounds": AGGREGATIONS_COLUMNS,
    "engagements": ENGAGEMENTS_COLUMNS,
    "absences": ABSENCES_COLUMNS,
    "attempts": ATTEMPTS_COLUMNS,
    "waits": FURTHER_WAITS_COLUMNS,
    "critical_path": SEGMENTS_COLUMNS,
    "sites": SITES_COLUMNS,
}
"""The columns that each table of a ledger has in all versions."""
LEDGER_OPTIONAL = frozenset({"attempts", "waits", "critical_path"})
"""The tables of a ledger that may be missing: there was nothing to write, or the version had none."""
LEDGER_LATER: dict[str, dict[str, float | str]] = {
    "works": {"attempt": 0, "lost": False, "reason": "", "gpu": 0, "share": 1.0, "batch": 0, "aside": 0},
    "sites": {"gpus": 1, "above": ""},
    "transfers": {"attempt": 0, "reason": ""},
    "absences": {"cause": ""},
    "rounds": {"updates": 0, "empty": 0},
}
"""By table of a ledger, the columns that runs of earlier versions lack, and what they are read as there."""
UNFINISHED = "unfinished"
"""The reason of what was under way when the trial ended; it was not in vain."""
SET_ASIDE = "set aside"
"""The reason of the wait of a work whose service was interrupted for another."""
