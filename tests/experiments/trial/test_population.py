"""A population in a trial: every device has the figures that were drawn for it, and its own number of samples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.experiments.trial import validate_population
from simulator.experiments.trial.build import devices
from simulator.experiments.trial.dry import device_classes, lone_device
from simulator.experiments.trial.forecast import Forecasts
from simulator.experiments.trial.hardware import hardware_of
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.memory_peaks import peaks_alone
from simulator.experiments.trial.population import Population, populations, with_figures
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check
from simulator.learning.data.partition.iid import Iid
from simulator.scenario.scenario import Scenario, ScenarioError, load
from simulator.world.distributions.uniform import Uniform

LOGNORMAL = {"name": "lognormal", "sigma": 0.5}
SCENARIO: dict[str, Any] = {
    "name": "fleet",
    "world": {
        "devices": [
            {
                "name": "raspberry-pi-4",
                "count": 12,
                "uplink": "wifi-6",
                "downlink": "wifi-6",
                "population": {
                    "rate": {**LOGNORMAL, "median": "10 GFLOP/s"},
                    "uplink": {"name": "uniform", "low": "2 Mbit/s", "high": "20 Mbit/s"},
                    "latency": {**LOGNORMAL, "median": "20 ms"},
                    "memory": {"name": "uniform", "low": "2 GB", "high": "8 GB"},
                    "power": {**LOGNORMAL, "median": 1},
                    "samples": {"name": "uniform", "low": 5, "high": 40},
                },
            },
            {
                "name": "jetson-nano",
                "count": 3,
                "population": {"samples": {"name": "uniform", "low": 10, "high": 10}},
            },
        ],
        "server": {"name": "rtx-4090"},
    },
    "model": {"name": "bundled"},
    "data": {"name": "synthetic", "samples": "auto", "test_samples": 10},
    "training": {
        "rounds": 2,
        "clients_per_round": 6,
        "batch_size": 16,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    },
    "algorithms": [{"name": "fedavg", "label": "FL"}],
}


def scenario(*overrides: str) -> Scenario:
    return load(SCENARIO, overrides)


def built(given: Scenario, seed: int = 0) -> Simulation:
    return Simulation(given, given.algorithms[0], seed, dry=True)


def message(*overrides: str) -> str:
    with pytest.raises(ScenarioError) as error:
        check(scenario(*overrides), dry=True)
    return str(error.value)


def test_every_device_has_the_figures_that_were_drawn_for_it() -> None:
    given = scenario()
    pis, jetsons = populations(given, 0)
    world = built(given).world
    for (name, _), client, figures in zip(devices(given.world), world.clients, (*pis, *jetsons), strict=True):
        group = given.world.devices[0 if name.startswith("raspberry") else 1]
        alike = with_figures(group, figures)
        assert client.site.hardware == hardware_of(alike)
        assert (client.site.uplink.nominal, client.site.uplink.latency) == (figures.uplink, figures.uplink_latency)
        assert (client.site.downlink.nominal, client.site.downlink.latency) == (
            alike.downlink.rate,
            figures.downlink_latency,
        )
    sites = {row.name: row for row in world.ledger.sites}
    assert sites["raspberry-pi-4-3"].memory == pis[3].memory
    assert len({client.site.hardware for client in world.clients[:12]}) == 12
    assert len({id(client.site.hardware) for client in world.clients[12:]}) == 1, "what is equal is shared"


def test_the_rate_is_the_peak_of_which_the_utilisation_is_reached() -> None:
    given = scenario("world.devices.0.utilisation=0.5")
    drawn = populations(given, 0)[0].columns["rate"]
    assert built(given).world.clients[4].site.hardware.flops_per_s == 0.5 * drawn[4]


def test_power_is_a_factor_on_the_power_of_the_group_in_every_state() -> None:
    given = scenario()
    factor, watts = populations(given, 0)[0].columns["power"], given.world.devices[0].power
    power = built(given).world.clients[2].site.hardware.power
    assert power.compute == factor[2] * watts.compute
    assert power.idle == factor[2] * watts.idle


def test_shards_have_the_drawn_sizes_and_are_disjoint() -> None:
    given = scenario()
    clients = built(given).world.clients
    sizes = [*populations(given, 0)[0].columns["samples"], 10, 10, 10]
    assert [len(client.data) for client in clients] == sizes
    rows = np.concatenate([client.data.index.numpy() for client in clients])
    assert len(np.unique(rows)) == sum(sizes)


def test_another_seed_draws_other_devices_and_the_same_seed_the_same() -> None:
    given = scenario("seeds=[0, 1]")
    rates = [built(given, seed).world.clients[0].site.hardware.flops_per_s for seed in (0, 0, 1)]
    assert rates[0] == rates[1] != rates[2]


def test_a_dry_run_takes_the_seconds_of_a_real_one_and_counts_the_same_classes() -> None:
    given = scenario()
    dry, real = (run(given, given.algorithms[0], 0, dry=dry) for dry in (True, False))
    assert [point.sim_time_s for point in dry.rounds] == [point.sim_time_s for point in real.rounds]
    assert list(dry.class_counts) == list(real.class_counts)


@pytest.mark.parametrize("data", ["{name: synthetic, samples: auto}", "{name: digits}", "{name: synthetic}"])
def test_classes_are_counted_as_one_by_one(data: str) -> None:
    given = scenario(f"data={data}")
    simulation = built(given)
    expected = {
        (client.name, number): count
        for client in simulation.world.clients
        for number, count in Counter(client.data.labels.tolist()).items()
    }
    rows = simulation.result().class_counts
    assert {(row.client, row.number): row.samples for row in rows} == expected
    assert [row.client for row in rows] == sorted(
        [row.client for row in rows], key=[c.name for c in simulation.world.clients].index
    )
    assert rows[0] == next(iter(rows))
    assert {row.device for row in rows} == {"raspberry-pi-4", "jetson-nano"}


def test_classes_of_devices_that_are_equal() -> None:
    given = scenario()
    pis, jetsons = populations(given, 0)
    assert len(pis.classes()[0]) == 12
    first, kind = jetsons.classes()
    assert first.tolist() == [0]
    assert kind.tolist() == [0, 0, 0]
    sizes = pis.columns["samples"]
    first, kind = pis.classes("samples")
    assert sizes[first][kind].tolist() == sizes.tolist()
    assert pis.least("memory") == pis.columns["memory"].min()
    assert jetsons.most("memory") == given.world.devices[1].memory


def test_a_population_without_distributions_is_its_group() -> None:
    group = load("scenarios/quickstart.yaml").world.devices[0]
    population = Population(group, 0)
    assert {*population} == {population.nominal}
    assert hardware_of(with_figures(group, population[0])) == hardware_of(group)


def test_a_lone_device_has_its_own_figures() -> None:
    given = scenario()
    kin = device_classes(given, 0)["raspberry-pi-4-5"]
    lone, entry = lone_device(given, given.algorithms[0], kin)
    (client,) = Simulation(lone, entry, 0, dry=True).world.clients
    (original,) = [each for each in built(given).world.clients if each.name == "raspberry-pi-4-5"]
    assert client.site.hardware == original.site.hardware
    assert client.site.uplink.nominal == original.site.uplink.nominal
    assert len(client.data) == len(original.data)


def test_a_device_whose_memory_was_drawn_too_small_is_found() -> None:
    given = scenario(
        "world.devices.0.population.memory={name: uniform, low: 1 MB, high: 2 MB}", "training.clients_per_round=15"
    )
    with pytest.raises(ScenarioError, match=r"world.devices.0.memory is .*raspberry-pi-4-\d+"):
        dry_run_that_fits(given, given.algorithms[0], 0)


def test_a_table_of_devices(tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_text("gflops\n3\n5\n")
    column = f"{{table: {tmp_path}/fleet.csv, rate: {{name: column, column: gflops, unit: GFLOP/s}}}}"
    given = scenario(f"world.devices.0.population={column}", "world.devices.1.population=null", "data={name: digits}")
    share = given.world.devices[0].utilised
    rates = {client.site.hardware.flops_per_s for client in built(given).world.clients[:12]}
    assert rates == {3e9 * share, 5e9 * share}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["data.samples=100"], r"population.samples: the devices need \d+ samples together, and synthetic has 100 "),
        (["data={name: digits}", "world.devices.0.count=2000"], r"need [\d,]+ samples together, and digits has 1,400"),
        (["data.partition={name: quantity_skew, alpha: 1}"], "quantity_skew decides itself how many samples each"),
        (
            ["world.devices.0.population.samples=null", "world.devices.1.population=null"],
            'data.samples is "auto": nothing says how many samples the devices need',
        ),
        (["world.devices.0.population.rate.sigma=10", "world.devices.0.count=3000"], "was drawn for a device: it is"),
    ],
)
def test_what_cannot_be_is_refused(overrides: list[str], said: str) -> None:
    import re

    assert re.search(said, message(*overrides))


@pytest.mark.parametrize("shards", [2, 16])
def test_a_partition_that_does_not_make_a_shard_for_each_device(shards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Iid, "split_by_sizes", lambda *_: [np.arange(5)] * shards)
    assert f"it made {shards} shards, and there are 15 devices" in message()


def test_a_distribution_that_does_not_draw_a_value_for_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Uniform, "sample", lambda *_: np.ones((12, 2)))
    assert "population.memory: uniform gave values of shape (12, 2), and one for each device is needed: 12" in message()


def test_more_devices_than_memory_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_population, "available_memory", lambda: 10**9)
    said = message("world.devices.0.count=10000000")
    assert "world.devices.0.count is 10000000: 10,000,003 devices take at least" in said
    assert "of memory, and 1 GB are available (allowed: at most " in said
    check(scenario(), dry=True)


def test_sizes_say_how_many_samples_are_needed() -> None:
    none = ["world.devices.0.population.samples=null", "world.devices.1.population=null"]
    given = scenario(*none, f"data.partition={{name: sizes, sizes: {[3] * 15}}}")
    check(given, dry=True)
    assert [len(client.data) for client in built(given).world.clients] == [3] * 15


def test_the_peak_of_a_device_alone_is_that_of_its_own_run_with_its_own_memory() -> None:
    given = scenario()
    peaks, entry = peaks_alone(given, given.algorithms[0], 0), given.algorithms[0]
    for name, kin in device_classes(given, 0).items():
        (own,) = Simulation(*lone_device(given, entry, kin), 0, dry=True).run().client_peaks
        assert (peaks[name].site, peaks[name].bytes, peaks[name].available) == (name, own.bytes, own.available)


def battery_j(given: Scenario) -> float:
    """Return the joules of the longest batch of the device that draws most for one, by its own run."""
    watts = given.world.devices[0].power.compute
    needed = []
    for kin in device_classes(given, 0).values():
        if kin.group == 0 and kin.figures is not None:
            works = Simulation(*lone_device(given, given.algorithms[0], kin), 0, dry=True).run().ledger.works
            longest = max(row.seconds for row in works if row.site != "server" and row.round == 2)
            needed.append(longest * watts * kin.figures.power)
    return max(needed)


def test_a_battery_must_do_a_batch_of_the_device_that_needs_most() -> None:
    needed = battery_j(scenario())
    enough, too_little = (
        f"world.devices.0.battery={{capacity: {factor * needed!r} J, reserve: 0}}" for factor in (1.001, 0.999)
    )
    check(scenario(enough), dry=True)
    assert "one batch takes" in message(too_little)


def test_a_large_battery_takes_one_forecast_for_all_of_a_population(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    of_class = Forecasts.of_class
    monkeypatch.setattr(Forecasts, "of_class", lambda self, kin, *rest: asked.append(kin) or of_class(self, kin, *rest))
    check(scenario("world.devices.0.battery={capacity: 1000 kJ, reserve: 0}"), dry=True)
    assert len(asked) == 1
