"""Very many devices: samples that hold the stragglers, quantiles, and what each device did and used."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import quantiles

import numpy as np
import pandas as pd
import pytest

from analysis import load_run, plot_round_timeline, write_figures, write_report
from analysis.crowds import MOST_BARS, MOST_GROUPS, MOST_ROWS, REST, Spread, few_groups, sample, spreads
from analysis.devices import QUANTITIES, crowd_of
from analysis.interactive.devices import devices_chart
from analysis.interactive.timeline import rounds_of, timeline_chart
from analysis.per_device import per_device, union_seconds
from analysis.runs import Run
from analysis.spans import MOST_DEVICES, read_timeline
from tests.helpers.crowds import crowded, simulated_few
from tests.helpers.reports import MOST_BYTES, Page, valid
from tests.helpers.run_folders import fabricate


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry run of 64 devices, some of which are away at times."""
    return simulated_few(tmp_path_factory.mktemp("crowd"))


@pytest.mark.parametrize("count", [MOST_BARS + 1, 77, 1000, 131_072])
@pytest.mark.parametrize("most", [3, 8, 20, 60])
def test_a_sample_holds_the_last_and_the_first_and_some_of_each_group(count: int, most: int) -> None:
    if most >= count:
        pytest.skip("these are all shown")
    groups = ["abc"[number % 7 // 3] for number in range(count)]
    shown = sample(groups, most)
    assert shown == sorted(set(shown))
    assert len(shown) == most
    assert {0, count - 1, count - 2} <= set(shown)
    if most >= 8:
        assert {groups[place] for place in shown} == set(groups)


def test_a_group_has_its_share_of_a_sample_spread_over_all_of_it() -> None:
    groups = ["many"] * 9000 + ["few"] * 1000
    random.Random(1).shuffle(groups)
    shown = sample(groups, 106)
    few = [place for place in shown if groups[place] == "few"]
    assert len(few) == pytest.approx(10, abs=4)  # by chance, some of it is among the last and the first
    assert max(np.diff([0, *few, 10_000])) < 3000


def test_few_devices_are_all_shown_and_some_more_evenly() -> None:
    assert sample(["a"] * 8, 8) == list(range(8))
    assert sample(["a"] * 22, 8) == [0, 3, 6, 9, 12, 15, 18, 21]


def test_quantiles_are_those_of_the_textbook() -> None:
    values = [random.Random(3).expovariate(1) for _ in range(2)] + [random.Random(4).gauss(5, 2) for _ in range(98)]
    spread = Spread.of(values)
    twentieths = quantiles(values, n=20, method="inclusive")
    told = [spread.low, spread.lower, spread.median, spread.upper, spread.high]
    assert told == pytest.approx([twentieths[place - 1] for place in (1, 5, 10, 15, 19)])
    assert (spread.devices, spread.least, spread.most) == (100, min(values), max(values))


def test_each_group_has_a_spread_of_the_devices_that_took_part() -> None:
    values, groups = pd.Series([1.0, 5.0, None, 3.0]), pd.Series(["b", "a", "a", "b"])
    found = spreads(values, groups)
    assert {name: (spread.devices, spread.median) for name, spread in found.items()} == {"b": (2, 2.0), "a": (1, 5.0)}


def test_the_smallest_of_very_many_groups_are_one() -> None:
    groups = pd.Series([f"g{number}" for number in range(30) for _ in range(30 - number)])
    few = few_groups(groups)
    assert set(few) == {*(f"g{number}" for number in range(MOST_GROUPS - 1)), REST}
    assert (few[few != REST] == groups[few != REST]).all()


def test_time_that_intervals_share_counts_once() -> None:
    random_numbers = np.random.default_rng(5)
    device, start, length = (random_numbers.integers(0, high, 400) for high in (7, 300, 40))
    covered: dict[int, set[int]] = {}
    for who, begin, ticks in zip(device.tolist(), start.tolist(), length.tolist(), strict=True):
        covered.setdefault(who, set()).update(range(begin, begin + ticks))
    seconds = union_seconds(device, start.astype(float), (start + length).astype(float), 8)
    assert seconds.tolist() == [len(covered.get(who, ())) for who in range(8)]


def test_what_the_devices_used_adds_up_to_the_summary(simulated: Path) -> None:
    run = load_run(simulated)
    devices = per_device(run, "FL", 0)
    assert devices is not None
    assert devices.every == 1
    summary, used = run.summary.iloc[0], devices.frame
    assert not run.absences("FL", 0).empty
    assert used["energy_j"].sum() == pytest.approx(summary["client_energy_j"], rel=1e-9)
    assert used["bytes"].sum() == summary["bytes_up"] + summary["bytes_down"]
    waited = run.breakdown[(run.breakdown["side"] == "client") & (run.breakdown["activity"] == "wait")]
    assert used["wait_s"].sum() == pytest.approx(waited["seconds"].sum(), rel=1e-6)
    assert used["chosen"].sum() == len(run.attempts("FL", 0))


def test_of_a_long_ledger_every_second_device_is_looked_at(simulated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = per_device(load_run(simulated), "FL", 0)
    assert whole is not None
    rows = len(load_run(simulated).works("FL", 0))
    monkeypatch.setattr("analysis.per_device.MOST_READ", 2 * rows)
    some = per_device(load_run(simulated), "FL", 0)
    assert some is not None
    assert some.every > 1
    pd.testing.assert_frame_equal(some.frame, whole.frame.iloc[:: some.every].reset_index(drop=True))


def test_a_timeline_of_a_crowd_holds_who_is_last_and_says_that_it_is_a_sample(tmp_path: Path) -> None:
    folder = fabricate(tmp_path, labels=("FL",), devices=50, per_round=50, rounds=2, batches=1)
    run = load_run(folder)
    sent = run.transfers("FL", 0, round=2)
    finish = (sent["start"] + sent["seconds"]).groupby(sent["client"]).max().sort_values()
    timeline = read_timeline(run, "FL", 2)
    shown = [site.name for site in timeline.sites if site.device]
    assert len(shown) == MOST_ROWS // 3
    assert [finish[name] for name in shown[-4:]] == finish.iloc[-4:].tolist()
    assert finish[shown[0]] == finish.iloc[0]
    assert timeline.said.endswith("20 of 50 devices")
    assert "the 4 that are done last" in timeline_chart(rounds_of(run)).caption
    drawn = timeline.thinned(MOST_DEVICES)
    assert [site.name for site in drawn.sites if site.device][-2:] == shown[-2:]
    (ax,) = plot_round_timeline(run)
    assert ax.get_title(loc="left").endswith(f"{MOST_DEVICES} of 50 devices")


def test_the_page_of_a_crowd_has_groups_and_that_of_a_few_devices_has_none(simulated: Path, tmp_path: Path) -> None:
    run = load_run(simulated)
    chart = devices_chart({"FL": (run, "FL")}, run.places)
    assert chart is not None
    assert len(chart.figures) == len(QUANTITIES)
    for figure in chart.figures.values():
        assert figure["layout"]["yaxis"]["ticktext"] == ["raspberry-pi-4", "jetson-nano"]
        valid(figure)
    assert crowd_of({"FL": (load_run(fabricate(tmp_path)), "FL")}) is None
    assert "devices_by_group" in [path.stem for path in write_figures(simulated)]


def test_a_mark_stands_at_the_median_of_its_group(simulated: Path) -> None:
    run = load_run(simulated)
    devices, crowd = per_device(run, "FL", 0), crowd_of({"FL": (run, "FL")})
    assert devices is not None
    assert crowd is not None
    pis = devices.frame[devices.frame["group"] == "raspberry-pi-4"]["energy_j"].dropna().sort_values().to_numpy()
    middle = pis[(len(pis) - 1) // 2 : len(pis) // 2 + 1].mean()
    assert crowd.spread["Energy", "FL", "raspberry-pi-4"].median == pytest.approx(middle)


def many(simulated: Path, folder: Path, times: int) -> Run:
    return load_run(crowded(simulated, folder, times))


def test_copies_make_a_crowd_whose_ledger_holds_together(simulated: Path, tmp_path: Path) -> None:
    run, few = many(simulated, tmp_path / "many", 5), load_run(simulated)
    assert len(run.sites("FL", 0)) == 1 + 5 * 64
    assert len(run.transfers("FL", 0)) == 5 * len(few.transfers("FL", 0))
    assert run.clients["samples"].sum() == 5 * few.clients["samples"].sum()
    assert set(run.works("FL", 0)["site"]) <= set(run.sites("FL", 0)["name"])


def page_of(run: Run, least: int) -> Page:
    """The page of a run with at least so many devices in its second round, which it must not have one by one."""
    path = write_report(run.folder, [])
    page = Page.of(path)
    assert path.stat().st_size < MOST_BYTES
    devices = read_timeline(run, "FL", 2).devices
    assert devices >= least
    assert f"20 of {devices:,} devices" in page.html
    assert {"devices", "labels", "timeline"} <= set(page.charts)
    return page


def test_a_page_of_a_thousand_devices_is_no_larger_than_others(simulated: Path, tmp_path: Path) -> None:
    page = page_of(many(simulated, tmp_path / "many", 16), 500)
    assert max(len(figure["data"]) for figure in page.charts["devices"]["figures"].values()) == 4
    assert "raspberry-pi-4" in page.text


@pytest.mark.slow
def test_a_page_of_a_hundred_thousand_devices_is_no_larger_than_others(simulated: Path, tmp_path: Path) -> None:
    page_of(many(simulated, tmp_path / "many", 2048), 64_000)
