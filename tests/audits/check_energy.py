"""Power integrated over time from a run folder alone, its ledger and its scenario, against its summary.

Also: seconds of works by the roofline, ends of transfers by a max-min fluid, and server slots that are never
over-booked. Definitions are those of the README.

usage: python -m tests.audits.check_energy [RUN_FOLDER]; without a folder it makes a dry run of the quickstart
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.audits.physics import Span, integrate, most_at_once, pour
from tests.helpers.places import ROOT

SI = {
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "n": 1e-9,
    "Ki": 2**10,
    "Mi": 2**20,
}
SI["Gi"] = 2**30
TABLES = ("works", "transfers", "engagements", "absences", "rounds")
IN_ROUNDS = (
    "sim_time_s",
    "bytes_up",
    "bytes_down",
    "client_flops",
    "server_flops",
    "client_energy_j",
    "server_energy_j",
)
MOST_APART = 1e-9


def number(text: object, unit: str) -> float:
    """A quantity of a resolved scenario in SI units."""
    value, found = str(text).split()
    factor = 1.0
    if unit == "B/s" and found.endswith("bit/s"):
        found, factor = found.removesuffix("bit/s"), 1 / 8
    else:
        assert found.endswith(unit), (text, unit)
        found = found.removesuffix(unit)
    return float(value) * SI[found] * factor


def sites_of(scenario: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What every device and the server are made of, by name."""
    sites: dict[str, dict[str, Any]] = {}
    numbers: dict[str, int] = {}
    for group in scenario["world"]["devices"]:
        for _ in range(group.get("count", 1)):
            index = numbers.get(group["name"], 0)
            numbers[group["name"]] = index + 1
            sites[f"{group['name']}-{index}"] = site_of(group)
    return sites | {"server": site_of(scenario["world"]["server"])}


def site_of(group: dict[str, Any]) -> dict[str, Any]:
    links = {way: group[way] for way in ("uplink", "downlink")}
    return {
        "watts": {state: number(watts, "W") for state, watts in group["power"].items()},
        "flops": number(group["rate"][group["precision"]], "FLOP/s") * share_of(group),
        "width": 1.0 if group["precision"] == "fp32" else 0.5,
        "copies": group.get("copies", False),
        "bandwidth": number(group["memory_bandwidth"], "B/s"),
        "slots": group.get("slots", 1),
        **{way: (number(link["rate"], "B/s"), number(link["latency"], "s")) for way, link in links.items()},
    }


def share_of(group: dict[str, Any]) -> float:
    shares = group["utilisation"]
    return float(shares[group["precision"]] if isinstance(shares, dict) else shares)


class Comparison:
    """What was found against what was told."""

    def __init__(self) -> None:
        self.worst = 0.0

    def __call__(self, what: str, found: float, told: float) -> None:
        apart = abs(found - told) / abs(told) if told else abs(found)
        self.worst = max(self.worst, apart)
        print(f"  {what:34s} {found:.10g}  told {told:.10g}  apart {apart:.1e}")


def spans(rows: pd.DataFrame) -> list[Span]:
    return list(zip(rows["start"], rows["start"] + rows["seconds"], strict=True))


def flows(rows: pd.DataFrame) -> list[Span]:
    """When bytes really cross: latency is over by then."""
    return list(zip(rows["start"] + rows["latency"], rows["start"] + rows["seconds"], strict=True))


def compare_trial(
    compare: Comparison, sites: dict[str, dict[str, Any]], tables: dict[str, pd.DataFrame], told: dict[str, Any]
) -> None:
    """Energy, bytes and FLOPs of a trial; then seconds, transfers and slots."""
    works, transfers, engagements, absences, rounds = (tables[name] for name in TABLES)
    assert absences.empty
    end = max([0.0, *(last for table in (works, transfers, rounds) for _, last in spans(table))])
    devices = [name for name in sites if name != "server"]
    joules = active = 0.0
    for name in devices:
        found, busy = joules_of(name, sites, spans(engagements[engagements["client"] == name]), works, transfers)
        joules += found
        active += busy
    at_server, _ = joules_of("server", sites, [(0.0, end)], works, transfers)
    compare("sim_time_s", end, told["sim_time_s"])
    compare("client_energy_j", joules, told["client_energy_j"])
    compare("client_active_energy_j", active, told["client_active_energy_j"])
    compare("server_energy_j", at_server, told["server_energy_j"])
    up, down = (transfers[transfers[end].isin(devices)] for end in ("source", "target"))
    compare("bytes_up", int(up["bytes"].sum()), told["bytes_up"])
    compare("bytes_down", int(down["bytes"].sum()), told["bytes_down"])
    provisioned = down[down["phase"] == "provisioning"]
    compare("bytes_provisioning", int(provisioned["bytes"].sum()), told["bytes_provisioning"])
    compare("client_flops", int(works[works["site"] != "server"]["flops"].sum()), told["client_flops"])
    compare("server_flops", int(works[works["site"] == "server"]["flops"].sum()), told["server_flops"])
    compare("works: worst against roofline, s", max(off_roofline(row, sites) for row in works.itertuples()), 0)
    compare("transfers: worst end vs fluid, s", off_fluid(transfers, sites), 0)
    served = {name: most_at_once(span for span in spans(rows) if span[1] > 0) for name, rows in works.groupby("site")}
    compare("sites over-booked", sum(most > sites[name]["slots"] for name, most in served.items()), 0)


def joules_of(
    name: str, sites: dict[str, dict[str, Any]], present: list[Span], works: pd.DataFrame, transfers: pd.DataFrame
) -> tuple[float, float]:
    return integrate(
        sites[name]["watts"],
        present,
        spans(works[works["site"] == name]),
        flows(transfers[transfers["source"] == name]),
        flows(transfers[transfers["target"] == name]),
    )


def off_roofline(row: Any, sites: dict[str, dict[str, Any]]) -> float:
    """By how many seconds a work takes less than its arithmetic or its memory traffic, or more than both in a row.

    What a site copies besides is in no table, so that there is no upper bound where it does.
    """
    site = sites[row.site]
    arithmetic, traffic = row.flops / site["flops"], site["width"] * row.bytes_touched / site["bandwidth"]
    most = float("inf") if site["copies"] else arithmetic + traffic
    return max(0.0, max(arithmetic, traffic) - row.seconds, row.seconds - most)


def off_fluid(transfers: pd.DataFrame, sites: dict[str, dict[str, Any]]) -> float:
    """By how many seconds a transfer ended earlier or later than in the fluid, at worst."""
    capacity = {(name, way): site[way][0] for name, site in sites.items() for way in ("uplink", "downlink")}
    rows = list(transfers.itertuples())
    orders = []
    for row in rows:
        latency = sites[row.source]["uplink"][1] + sites[row.target]["downlink"][1]
        orders.append((((row.source, "uplink"), (row.target, "downlink")), float(row.bytes), row.start + latency))
    ends = pour(capacity, orders)
    return max(abs(ends[index] - row.start - row.seconds) for index, row in enumerate(rows))


def check(folder: Path) -> int:
    """Compare all trials of a run folder; exit status."""
    sites = sites_of(yaml.safe_load((folder / "scenario.yaml").read_text("utf-8")))
    curves = pd.read_csv(folder / "rounds.csv")
    compare = Comparison()
    for trial in json.loads((folder / "summary.json").read_text("utf-8"))["trials"]:
        ledger = folder / "ledger" / f"{trial['label']}-{trial['seed']}"
        print(ledger.name)
        compare_trial(compare, sites, {name: pd.read_parquet(ledger / f"{name}.parquet") for name in TABLES}, trial)
        last = curves[(curves["label"] == trial["label"]) & (curves["seed"] == trial["seed"])].iloc[-1]
        for name in IN_ROUNDS:
            compare(f"rounds.csv's last {name}", last[name], trial[name])
    print(f"largest relative (or, where 0 is told, absolute) difference: {compare.worst:.1e}")
    return int(compare.worst > MOST_APART)


def main(words: list[str]) -> int:
    if words:
        return check(Path(words[0]))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "quickstart")
        command = [sys.executable, "-m", "simulator", "run", "scenarios/quickstart.yaml", "--dry", "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return check(folder)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
