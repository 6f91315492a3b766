"""The report of a sweep in a real browser: what is chosen is drawn, and points are filtered and sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import device_shares, load_sweep, write_sweep_report
from simulator.settings.humanize import Kind, human
from tests.helpers.browser import HAS_BROWSER, Browser, rows
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep

pytestmark = pytest.mark.skipif(not HAS_BROWSER, reason="there is no chromium with a chromedriver and selenium")

AXES = {UPLINK: ["1 Mbit/s", "4 Mbit/s", "16 Mbit/s"], HEAD: ["1", "2"]}


@pytest.fixture(scope="module")
def sweep_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "sweep"
    return fabricate_sweep(
        folder,
        AXES,
        ("FL", "SFPrompt"),
        failed=lambda label, place, _: place == {UPLINK: "4 Mbit/s", HEAD: "2"} and label != "FL",
        whole=True,
    )


@pytest.fixture(scope="module")
def sweep(chromium: Browser, sweep_folder: Path) -> Browser:
    """The browser with the report of a sweep."""
    chromium.errors()
    chromium.emulate()
    chromium.open(write_sweep_report(sweep_folder, []))
    return chromium


def choose(browser: Browser, name: str, text: str, figure: str = "explorer") -> None:
    """Choose from a drop-down."""
    script = """
        const field = document.getElementById(`${arguments[2]}-${arguments[0]}`);
        field.value = [...field.options].find(option => option.text === arguments[1]).value;
        field.dispatchEvent(new Event('change'));"""
    browser.run(script, name, text, figure)


def test_a_sweep_opens_without_errors_and_draws_what_is_chosen(sweep: Browser, sweep_folder: Path) -> None:
    table = load_sweep(sweep_folder).means([UPLINK, HEAD], "sim_time_s").set_index(["label", HEAD, UPLINK])["mean"]
    choose(sweep, "Measure", "Simulated time")
    choose(sweep, "Show", "Heat map")
    choose(sweep, "Algorithm", "SFPrompt")
    drawn = sweep.run("return document.querySelector('#explorer .plot').data[0].hovertext.flat()")
    wanted = [human("seconds", float(value)) for value in table["SFPrompt"].unstack().to_numpy().flat]
    assert [text.rsplit(": ", 1)[1] for text in drawn] == wanted
    choose(sweep, "Show", "Lines")
    choose(sweep, "head-at", "1")
    lines = sweep.run("return document.querySelector('#explorer .plot').data.map(trace => trace.y)")
    held = table.xs(1.0, level=HEAD)
    assert lines == [pytest.approx(list(held[label] / 60), rel=1e-4) for label in ("FL", "SFPrompt")]
    assert sweep.errors() == []
    assert sweep.run("return performance.getEntriesByType('resource').length") == 0


def test_of_a_place_of_the_sweep_it_shows_where_it_goes_and_a_round(sweep: Browser, sweep_folder: Path) -> None:
    bars = "return document.querySelector('#where .plot').layout.annotations.map(note => note.text)"
    found = load_sweep(sweep_folder)
    rows = found.summary.set_index(["label", HEAD, UPLINK])["trial"]
    one, two = (found.run(rows["SFPrompt", head, 1.25e5]) for head in (1.0, 2.0))
    choose(sweep, "Of", "Bytes", "where")
    choose(sweep, "A-bar-for-each", "head", "where")
    choose(sweep, "Algorithm", "SFPrompt", "where")
    choose(sweep, "rate", "4 Mbit/s", "where")
    totals = [human("bytes", device_shares(run, "bytes")["bytes"].sum()) for run in (one, two)]
    assert sweep.run(bars) == [totals[0], "no result"]
    choose(sweep, "A-bar-for-each", "Algorithm", "where")
    choose(sweep, "head", "2", "where")
    assert sweep.run(bars)[1] == "no result"
    choose(sweep, "rate", "1 Mbit/s", "where")
    assert sweep.run(bars)[1] == totals[1]

    lanes = "return document.querySelector('#round .plot').layout.yaxis.ticktext?.length ?? 0"
    choose(sweep, "Algorithm", "SFPrompt", "round")
    choose(sweep, "rate", "4 Mbit/s", "round")
    choose(sweep, "head", "1", "round")
    assert sweep.run(lanes) > 3
    choose(sweep, "head", "2", "round")
    assert sweep.run(lanes) == 0
    assert sweep.errors() == []


def column(browser: Browser, name: str) -> list[str]:
    """What stands under a heading in the table of points."""
    script = """
        const place = [...document.querySelectorAll('#points th')].findIndex(head => head.textContent === arguments[0]);
        return [...document.querySelectorAll('#points tbody tr')].map(row => row.cells[place].textContent)"""
    found: list[str] = browser.run(script, name)
    return found


def test_points_are_filtered_by_words_and_sorted_by_value(sweep: Browser, sweep_folder: Path) -> None:
    search = """
        const field = document.getElementById('filter');
        field.value = arguments[0];
        field.dispatchEvent(new Event('input'));"""
    sweep.run(search, "sfprompt 16 mbit")
    assert rows(sweep, "#points") == ["4", "5"]
    sweep.run(search, "")
    known = load_sweep(sweep_folder).summary
    seconds = {(str(point), label): time for point, label, time in known[["point", "label", "sim_time_s"]].to_numpy()}
    for falling in (False, True):
        sweep.click("#points th button", "Simulated time")
        *found, last = zip(column(sweep, "Point"), column(sweep, "Algorithm"), strict=True)
        assert [seconds[row] for row in found] == sorted((seconds[row] for row in found), reverse=falling)
        assert last == ("3", "SFPrompt")  # what failed has no time, and comes last


def test_the_best_of_each_point_is_marked(sweep: Browser, sweep_folder: Path) -> None:
    script = """
        const heads = [...document.querySelectorAll('#points th')].map(head => head.textContent);
        const place = heads.indexOf('Simulated time');
        return [...document.querySelectorAll('#points tbody tr')].filter(row => row.cells[place].className === 'best')
            .map(row => [Number(row.cells[0].textContent), row.cells[3].textContent])"""
    means = load_sweep(sweep_folder).summary.groupby(["point", "label"])["sim_time_s"].mean().dropna()
    assert {(point, label) for point, label in sweep.run(script)} == set(means.groupby("point").idxmin())


@pytest.mark.parametrize("kind", ["seconds", "bytes", "flops", "joules", "count", "fraction", "usd", "kg"])
def test_scripts_write_numbers_as_python_does(sweep: Browser, kind: Kind) -> None:
    values = [0.0, 1.0, 0.5, 999.96, 1234.5, 12.345, 119.9, 120.0, 7199.0, 7200.0, 4.2e5, 3.1e9, 2.2e14]
    values += [0.00123, 4.5e-5] if kind in ("seconds", "joules", "usd", "kg") else []
    texts = sweep.run("return arguments[1].map(value => human(arguments[0], value))", kind, values)
    assert texts == [human(kind, value) for value in values]
    assert sweep.run("return human(arguments[0], null)", kind) == human(kind, None)
