"""What a scenario says of a population, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario.population import PopulationSettings
from simulator.scenario.scenario import ScenarioError, load

POPULATION = "world.devices.0.population"
RATE = "{name: lognormal, median: 10 GFLOP/s, sigma: 0.5}"
ALL = (
    f"{POPULATION}.rate={RATE}",
    f"{POPULATION}.memory_bandwidth={{name: uniform, low: 1 GB/s, high: 2 GB/s}}",
    f"{POPULATION}.memory={{name: uniform, low: 2 GB, high: 8 GB}}",
    f"{POPULATION}.uplink={{name: uniform, low: 2 Mbit/s, high: 20 Mbit/s}}",
    f"{POPULATION}.downlink={{name: lognormal, median: 20 Mbit/s, sigma: 1, least: 1 Mbit/s}}",
    f"{POPULATION}.latency={{name: lognormal, median: 20 ms, sigma: 0.4, most: 1 s}}",
    f"{POPULATION}.power={{name: lognormal, median: 1, sigma: 0.2}}",
)


def message(file: Path, *overrides: str) -> str:
    with pytest.raises(ScenarioError) as error:
        load(file, overrides)
    return str(error.value)


def population(file: Path, *overrides: str) -> PopulationSettings:
    found = load(file, overrides).world.devices[0].population
    assert found is not None
    return found


def test_distributions_are_written_and_read_again(file: Path) -> None:
    scenario = load(file, [*ALL, "world.devices.0.count=100000"])
    text = scenario.resolved()
    assert len(text) < 5000
    file.write_text(text)
    assert load(file) == scenario


def test_a_group_without_a_population_writes_none(file: Path) -> None:
    assert "population" not in load(file).resolved()


def test_a_figure_depends_on_no_other_and_not_on_how_many_devices_there_are(file: Path) -> None:
    everything = population(file, *ALL).draw("pi", 1000, seed=3)
    for override in ALL:
        alone = population(file, override).draw("pi", 50, seed=3)
        ((figure, values),) = alone.items()
        assert values.tolist() == everything[figure][:50].tolist()
    other_seed, other_group = (population(file, *ALL).draw(*key) for key in (("pi", 50, 4), ("phone", 50, 3)))
    for figure, values in everything.items():
        assert values[:50].tolist() != other_seed[figure].tolist()
        assert values[:50].tolist() != other_group[figure].tolist()


def test_samples_are_whole_and_at_least_one(file: Path) -> None:
    samples = population(
        file,
        f"{POPULATION}.samples={{name: lognormal, median: 1, sigma: 1}}",
        "world.devices.1.population.samples={name: uniform, low: 1, high: 2}",
    ).draw("pi", 1000, 0)["samples"]
    assert samples.dtype == "int64"
    assert samples.min() == 1
    assert samples.max() > 5


def test_links_can_be_scaled(file: Path) -> None:
    given = population(file, *ALL)
    plain, fast = given.draw("pi", 20, 0), given.with_links(3.0).draw("pi", 20, 0)
    assert (fast["uplink"] == 3 * plain["uplink"]).all()
    assert (fast["rate"] == plain["rate"]).all()


def test_a_sweep_can_set_a_parameter(file: Path) -> None:
    changed = load(file, ALL).with_({f"{POPULATION}.uplink.high": "40 Mbit/s"})
    assert "high: 40 Mbit/s" in changed.resolved()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([f"{POPULATION}={{}}"], f"{POPULATION}: it draws no figure (allowed: rate, memory_bandwidth, memory, uplink,"),
        ([f"{POPULATION}.speed={RATE}"], f"{POPULATION}.speed"),
        ([f"{POPULATION}.rates={RATE}"], 'there is no such key; did you mean "rate"?'),
        ([f"{POPULATION}.rate={{name: lognorm}}"], 'there is no distribution named "lognorm"'),
        ([f"{POPULATION}.rate=3 GFLOP/s"], "it must be a mapping with a name, such as {name: "),
        ([f"{POPULATION}.rate={{name: uniform, low: 1 GB, high: 2 GB}}"], '"GB" is not a unit of computing rate'),
        ([f"{POPULATION}.rate={{name: uniform, low: [1], high: 2 GFLOP/s}}"], "or text with a number and a unit"),
        (
            [f"{POPULATION}.rate={{name: uniform, low: 3 GFLOP/s, high: 2 GFLOP/s}}"],
            f'{POPULATION}.rate.low is "3 GFLOP/s": it is more than high, 2 GFLOP/s (allowed: at most 2 GFLOP/s)',
        ),
        (
            [f"{POPULATION}.rate={{name: column, column: gflops, unit: GFLOP/s}}"],
            "the population has no table to take it from (allowed: table: FILE.csv in the population)",
        ),
        (
            [f"{POPULATION}.rate={RATE}", "world.devices.0.table={stem: [[1, 0.5]]}"],
            "the group has a table of measured seconds, which are used instead of rates",
        ),
        (
            [f"{POPULATION}.samples={{name: uniform, low: 5, high: 9}}"],
            "world.devices.1: raspberry-pi-4 says how many samples its devices have, and jetson-nano does not",
        ),
        (
            [f"{POPULATION}.rate={RATE}", "world.devices.1.name=raspberry-pi-4"],
            'world.devices.1.name is "raspberry-pi-4": a group above has this name, too',
        ),
    ],
)
def test_what_makes_no_sense_is_refused(file: Path, overrides: list[str], said: str) -> None:
    assert said in message(file, *overrides)


def test_a_table_without_a_column_that_is_used_and_units_that_are_none(file: Path) -> None:
    Path("fleet.csv").write_text("gflops\n10\n20\n")
    table = f"{POPULATION}.table=fleet.csv"
    assert "no figure is taken from it" in message(file, table, f"{POPULATION}.rate={RATE}")
    column = f"{POPULATION}.rate={{name: column, column: gflops, unit: GFLOPS}}"
    assert 'unit is "GFLOPS": it is not a unit of computing rate (allowed: FLOP/s' in message(file, table, column)
    missing = f"{POPULATION}.rate={{name: column, column: speed, unit: GFLOP/s}}"
    assert 'column is "speed": fleet.csv has no such column (allowed: gflops)' in message(file, table, missing)


def test_what_is_drawn_beyond_all_bounds_is_refused(file: Path) -> None:
    wide = population(file, f"{POPULATION}.uplink={{name: lognormal, median: 1 Gbit/s, sigma: 10}}")
    with pytest.raises(
        ValueError, match=r"B/s was drawn for a device: it is too (large|small).*a narrower distribution"
    ):
        wide.draw("pi", 100_000, 0)
