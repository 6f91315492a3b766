"""Check that deadlines and batteries leave the devices of a scenario time and energy for what they have to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.experiments.trial.dry import DeviceClass, device_classes
from simulator.experiments.trial.forecast import Forecasts
from simulator.experiments.trial.simulate import Simulation
from simulator.scheduling.drivers.deadline import Deadline
from simulator.settings.errors import UnfitError, located
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.world.clients import Forecast


def check_scheduling(scenario: Scenario, index: int, entry: Entry) -> None:
    """Check the deadline and the batteries of an entry by what a round of each class of devices costs, run dry.

    An entry with neither costs nothing. One whose costs are not known before it runs is not checked.

    Args:
        scenario: the scenario.
        index: the index of the entry in it.
        entry: the entry.

    Raises:
        ScenarioError: no device can meet the deadline, or a battery cannot do one batch; the message names the line.
    """
    driver = entry.training.driver
    if entry.algorithm.needs_values or getattr(getattr(entry.algorithm, "cut", None), "chooses", False):
        return  # its costs are not known
    if isinstance(driver, Deadline) and driver.seconds is not None:
        with located(scenario, "algorithms", index):
            _check_deadline(scenario, driver, driver.seconds, _forecasts(scenario, entry))
    if any(group.battery for group in scenario.world.devices):
        _check_batteries(scenario, entry)


def _forecasts(scenario: Scenario, entry: Entry) -> Iterator[tuple[str, DeviceClass, Forecast]]:
    """Yield a device of each class, its class, and the forecast of its rounds."""
    seed, seen = scenario.seeds[0], set()

    def run(lone: Scenario, its_entry: Entry) -> TrialResult:
        return Simulation(lone, its_entry, seed, dry=True).run()

    forecasts = Forecasts(scenario, entry, seed, run)
    for name, kin in device_classes(scenario, seed).items():
        if kin not in seen:
            seen.add(kin)
            yield name, kin, forecasts.of(name)


def _check_deadline(
    scenario: Scenario, driver: Deadline, seconds: float, forecasts: Iterator[tuple[str, DeviceClass, Forecast]]
) -> None:
    """Refuse a deadline before which no device could be done, even if it had the server for itself."""
    needed: dict[str, tuple[float, float]] = {}
    for name, _, forecast in forecasts:
        whole = forecast.download_s + forecast.compute_s + forecast.upload_s
        needed[name] = whole - forecast.upload_s * (driver.late == "layers"), forecast.batch_s
        if needed[name][0] <= seconds:
            return
    fastest = min(needed, key=lambda name: needed[name])
    least, batch = (human("seconds", value) for value in needed[fastest])
    problem = f"no device could be done by then: the fastest, {fastest}, needs {least} for a round, {batch} a batch"
    raise UnfitError(("training", "driver", "seconds"), human("seconds", seconds), problem, f"more than {least}")


def _check_batteries(scenario: Scenario, entry: Entry) -> None:
    """Refuse a battery that is too small for the longest work of its device."""
    for _, kin, forecast in _forecasts(scenario, entry):
        group = scenario.world.devices[kin.group]
        if group.battery is None:
            continue
        if problem := group.battery.too_weak(forecast.batch_s * group.power.compute):
            loc = ("world", "devices", kin.group, "battery", "capacity")
            capacity = human("joules", group.battery.capacity)
            raise scenario.error(
                loc, capacity, f"{problem} with {entry.label}", "a larger battery or a smaller reserve"
            )
