"""Closed forms against dry runs, in random worlds: where a closed form holds, a round has the same figures.

usage: python -m tests.audits.check_twins [WORLDS [SEED]]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from math import isclose
from pathlib import Path
from typing import Any

from simulator.experiments.plan.rounds import Planner, Round
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import ENTRIES, scenario

NAMES = ("raspberry-pi-4", "jetson-nano", "jetson-orin-nx")
CLOSE = 1e-9


def some_link(rng: random.Random) -> dict[str, str]:
    """A link of any speed, with latency or without."""
    return {"rate": f"{rng.choice([1, 8, 50, 900])} Mbit/s", "latency": f"{rng.choice([0, 5, 40])} ms"}


def some_group(rng: random.Random) -> dict[str, Any]:
    """A few devices, fast or slow, some of which wait for their memory."""
    group: dict[str, Any] = {"name": rng.choice(NAMES), "count": rng.randint(1, 3)}
    group["utilisation"] = rng.choice([0.01, 0.3, 1.0])
    group |= {way: some_link(rng) for way in ("uplink", "downlink") if rng.random() < 0.5}
    return group | ({"memory_bandwidth": f"{rng.choice([0.01, 1])} GB/s"} if rng.random() < 0.3 else {})


def some_world(rng: random.Random, folder: Path, label: str) -> Scenario:
    """A scenario with this entry in a world of few devices, equal or not, and a server that may be in the way."""
    groups = [some_group(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
    devices = sum(group["count"] for group in groups)
    server: dict[str, Any] = {"name": "rtx-4090", "slots": rng.choice([1, 1, 2, 4, 8]), "gpus": rng.choice([1, 1, 2])}
    server["rate"] = {"fp32": f"{rng.choice([0.05, 1, 1000])} GFLOP/s"}
    wide = {"rate": "100 Gbit/s", "latency": "1 ms"}
    server |= {way: some_link(rng) if rng.random() < 0.2 else wide for way in ("uplink", "downlink")}
    data: dict[str, Any] = {"name": "synthetic", "samples": devices * rng.choice([5, 14, 21, 28]), "classes": 5}
    if rng.random() < 0.3:
        data["partition"] = {"name": "dirichlet", "alpha": 1.0, "min_samples": 1}
    training = {
        "clients_per_round": rng.randint(1, devices),
        "batch_size": rng.choice([1, 4, 7, 8, 100]),
        "selection": {"name": rng.choice(["uniform", "all", "round_robin"])},
        "wire_dtype": rng.choice(["fp32", "fp16"]),
    }
    return scenario(folder, [label], world={"devices": groups, "server": server}, data=data, training=training)


def differ(found: Round, wanted: Round) -> list[str]:
    """The figures of two rounds that are not the same."""
    names = [name for name in Round._fields if name != "smashed"]
    far = [name for name in names if not isclose(getattr(found, name), getattr(wanted, name), rel_tol=CLOSE)]
    return far + ["smashed"] * (found.smashed != wanted.smashed)


def main(worlds: int = 60, seed: int = 0) -> int:
    """Compare a first round in so many worlds, and a second one; exit status 1 if any differs."""
    rng, held, bad = random.Random(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(worlds):
            label = rng.choice(list(ENTRIES))
            settings = some_world(rng, Path(folder), label)
            closed, dry = Planner(settings), Planner(settings, closed_forms=False)
            entry = closed.settled(settings.algorithms[0])
            where = {"speed": rng.choice([1.0, 0.03, 30.0]), "samples": rng.choice([None, None, 3, 16, 35])}
            found = closed.round(entry, **where)
            if not closed.closed:
                continue
            held[label] += 1
            wrong = differ(found, dry.round(entry, **where))
            pairs = zip(closed.repeated(entry), dry.repeated(entry), strict=True)
            if not all(isclose(*values, rel_tol=CLOSE) for each in pairs for values in zip(*each, strict=True)):
                wrong.append("later rounds")
            if wrong:
                bad += 1
                print(f"{label}: {', '.join(wrong)} differ in\n{settings.model_dump_json()}\n{where}")
    print(f"{bad} of {held.total()} closed forms differ from dry runs ({worlds} worlds, {len(held)} kinds of entries)")
    return int(bad > 0 or not held)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
