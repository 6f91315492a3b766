"""What a driver costs: events and processor time for each update, against synchronous rounds, dry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import simpy

from simulator.experiments.trial.simulate import Simulation
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.places import SCENARIOS

UPDATES, REPEATS = 200, 5
DRIVERS = {
    "synchronous": "{name: synchronous}",
    "deadline": "{name: deadline, seconds: 1000 h}",
    "fedbuff": "{name: fedbuff, buffer: 2}",
    "fedasync": "{name: fedasync}",
    "semi_async": "{name: semi_async, seconds: 10 s}",
}


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the events of all clocks."""
    events, step = [0], simpy.Environment.step

    def counting(env: simpy.Environment) -> None:
        events[0] += 1
        step(env)

    simpy.Environment.step = counting  # type: ignore[method-assign]
    try:
        yield events
    finally:
        simpy.Environment.step = step  # type: ignore[method-assign]


def simulation(driver: str) -> Simulation:
    changes = [
        f"training.driver={driver}",
        f"training.budget={{updates: {UPDATES}}}",
        "world.provisioning=preinstalled",
    ]
    scenario = load(SCENARIOS / "quickstart.yaml", changes)
    return Simulation(scenario, scenario.algorithms[0], seed=0, dry=True)


def cost(driver: str) -> tuple[float, float]:
    """Return events and processor seconds for each update that was aggregated."""
    best = float("inf")
    for _ in range(REPEATS):
        trial = simulation(driver)
        began = time.process_time()
        trial.run()
        best = min(best, (time.process_time() - began) / trial.world.updates)
    with counted() as events:
        trial: Any = simulation(driver)
        trial.run()
    return events[0] / trial.world.updates, best


def main() -> None:
    costs = {name: cost(driver) for name, driver in DRIVERS.items()}
    events, seconds = costs["synchronous"]
    for name, (own_events, own_seconds) in costs.items():
        beside = {"driver": name, "events_per_update": own_events, "events_vs_synchronous": own_events / events}
        report("driver_cost_vs_synchronous", own_seconds / seconds, **beside)


if __name__ == "__main__":
    main()
