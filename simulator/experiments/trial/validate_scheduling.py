"""Check that deadlines and batteries leave the devices of a scenario time and energy for what they have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.experiments.trial.dry import DeviceClass, device_classes
from simulator.experiments.trial.forecast import Forecasts
from simulator.experiments.trial.similar import weakest
from simulator.experiments.trial.simulate import Simulation
from simulator.scheduling.drivers.deadline import Deadline
from simulator.settings.errors import UnfitError, located
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import DeviceSettings


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


def _forecasts(scenario: Scenario, entry: Entry) -> Forecasts:
    """Return the forecasts for the devices of the first seed, which are made when they are asked for."""
    seed = scenario.seeds[0]

    def run(lone: Scenario, its_entry: Entry) -> TrialResult:
        return Simulation(lone, its_entry, seed, dry=True).run()

    return Forecasts(scenario, entry, seed, run)


def _classes(scenario: Scenario) -> dict[DeviceClass, str]:
    """Return the classes of devices of the first seed, each with the name of a device."""
    first: dict[DeviceClass, str] = {}
    for name, kin in device_classes(scenario, scenario.seeds[0]).items():
        first.setdefault(kin, name)
    return first


def _check_deadline(scenario: Scenario, driver: Deadline, seconds: float, forecasts: Forecasts) -> None:
    """Refuse a deadline before which no device could be done, even if it had the server for itself."""
    needed: dict[str, tuple[float, float]] = {}
    for kin, name in _classes(scenario).items():
        forecast = forecasts.of_class(kin)
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
    forecasts, classes = _forecasts(scenario, entry), list(_classes(scenario))
    for index, group in enumerate(scenario.world.devices):
        if group.battery is None:
            continue
        members = [kin for kin in classes if kin.group == index]
        if group.population is not None and not group.battery.too_weak(_batch_j(group, forecasts, weakest(members))):
            continue  # nor is it for any other: there may be very many
        for kin in members:
            if problem := group.battery.too_weak(_batch_j(group, forecasts, kin)):
                loc = ("world", "devices", index, "battery", "capacity")
                capacity = human("joules", group.battery.capacity)
                raise scenario.error(
                    loc, capacity, f"{problem} with {entry.label}", "a larger battery or a smaller reserve"
                )


def _batch_j(group: DeviceSettings, forecasts: Forecasts, kin: DeviceClass) -> float:
    """Return the joules that a device of a class draws for its longest work."""
    factor = 1.0 if kin.figures is None else kin.figures.power
    return forecasts.of_class(kin).batch_s * factor * group.power.compute
