"""What a discipline, batching, several GPUs and edges cost: processor time of a trial, against first in, first out."""

from __future__ import annotations

import time

from simulator.experiments.trial.simulate import Simulation
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.places import SCENARIOS

REPEATS = 5
FIFO = "first in, first out"
EDGE = "{name: rtx-4090, count: 2, devices: [raspberry-pi-4, raspberry-pi-5, jetson-nano]}"
WORLDS: dict[str, list[str]] = {
    FIFO: [],
    "two GPUs": ["server.gpus=2"],
    "shortest first": ["server.queue={name: shortest_first}"],
    "shortest first, preempt": ["server.queue={name: shortest_first, preempt: true}"],
    "fair share": ["server.queue={name: fair_share}"],
    "processor sharing": ["server.queue={name: processor_sharing}"],
    "batching": ["server.batching={most: 4}", "server.batch_efficiency=[[1, 0.2], [64, 1]]"],
    "edges that relay": [f"edges=[{EDGE}]"],
}


def seconds(changes: list[str]) -> float:
    """Return the least processor time that a dry trial of SFPrompt took, its world's building left out."""
    slow = ["server.rate={fp32: 20 GFLOP/s}", "provisioning=preinstalled"]  # or nobody would wait
    scenario = load(SCENARIOS / "quickstart.yaml", [f"world.{change}" for change in (*slow, *changes)])
    entry = next(entry for entry in scenario.algorithms if entry.label == "SFPrompt")
    best = float("inf")
    for _ in range(REPEATS):
        trial = Simulation(scenario, entry, seed=0, dry=True)
        began = time.process_time()
        trial.run()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    least = {name: seconds(changes) for name, changes in WORLDS.items()}
    for name, own in least.items():
        report("discipline_cost_vs_fifo", own / least[FIFO], discipline=name)


if __name__ == "__main__":
    main()
