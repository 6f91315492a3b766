"""Runs whose ledger is made by hand."""

from __future__ import annotations

import json
from pathlib import Path

from pyarrow import parquet

from simulator.accounting.ledger import Ledger, SiteRow, WorkRow
from simulator.accounting.power import Power
from tests.helpers.run_folders import fabricate

POWER = {"server": Power(60, 260, 70, 65), "pi-0": Power(2, 6, 3, 2.5), "pi-1": Power(2, 6, 3, 2.5)}
TRAIN = "train_step", "training", 1


def made(folder: Path, ledger: Ledger, end: float, slots: int = 1, gpus: int = 1) -> Path:
    """Write a run of one trial, `FL-0`, with this ledger, on a server and two devices; return its folder.

    Args:
        folder: the folder to write.
        ledger: the ledger; its table of sites is filled here.
        end: when the trial ends, in seconds.
        slots: the slots of each GPU of the server.
        gpus: the GPUs of the server.
    """
    fabricate(folder, labels=("FL",), rounds=1)
    for name, power in POWER.items():
        server = name == "server"
        role = ("gpu", "server", slots, 24e9) if server else ("pi", "device", 1, 4e9)
        ledger.sites.add(SiteRow(name, *role, *by_state(power).values(), gpus if server else 1))
    summary = json.loads((folder / "summary.json").read_text())
    summary["trials"][0]["sim_time_s"] = end
    (folder / "summary.json").write_text(json.dumps(summary))
    for name, table in ledger.tables().items():
        parquet.write_table(table.arrow(), folder / "ledger" / "FL-0" / f"{name}.parquet")
    return folder


def by_state(power: Power) -> dict[str, float]:
    """Return the watts of each state."""
    return {state: getattr(power, state) for state in ("idle", "compute", "upload", "download")}


def served(*times: tuple[float, float, float], site: str = "server", client: str = "pi-0") -> Ledger:
    """Return a ledger of works, each given as (asked, start, seconds)."""
    ledger = Ledger()
    for asked, start, seconds in times:
        ledger.works.add(WorkRow(site, client, *TRAIN, asked, start, seconds, 10, 20))
    return ledger
