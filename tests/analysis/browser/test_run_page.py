"""The report of a run in a browser: figures are drawn, tables sort, switches switch, nothing is asked of a network."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from analysis import load_run, write_report
from analysis.measures import measure_columns
from tests.helpers.browser import HAS_BROWSER, Browser, rows
from tests.helpers.run_folders import fabricate

pytestmark = pytest.mark.skipif(not HAS_BROWSER, reason="there is no chromium with a chromedriver and selenium")

LABELS = ("FL", "SFPrompt", "<b>SFL</b>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "run"
    return fabricate(folder, LABELS, seeds=(0, 1), rounds=6)


@pytest.fixture(scope="module")
def run(chromium: Browser, folder: Path) -> Browser:
    """The browser with the report of a run."""
    chromium.emulate()
    chromium.open(write_report(folder, []))
    return chromium


def shown(browser: Browser, chart: str) -> set[str]:
    """The labels of which a figure shows a trace."""
    script = """
        return document.querySelector(arguments[0]).data
            .filter(trace => trace.visible !== false && trace.legendgroup).map(trace => trace.legendgroup)"""
    return set(browser.run(script, f"#{chart} .plot"))


def test_a_run_opens_from_a_file_without_errors_or_requests(run: Browser) -> None:
    assert run.errors() == []
    assert run.run("return performance.getEntriesByType('resource').length") == 0
    script = "return [...document.querySelectorAll('.plot')].map(plot => plot.querySelector('svg.main-svg') !== null)"
    figures = run.run(script)
    assert figures == [True] * 6
    assert run.run("return document.querySelectorAll('a[href^=\"http\"], .modebar-btn[data-title*=loud]').length") == 0


@pytest.mark.parametrize("name", ["Final accuracy", "Simulated time", "Time to target"])
def test_a_click_on_a_heading_sorts_by_its_values(run: Browser, folder: Path, name: str) -> None:
    (column,) = (own for own in measure_columns(load_run(folder)) if own.name == name)
    values = {label: cell.value for label, cell in zip(LABELS, column.cells, strict=True)}
    present = sorted((label for label in LABELS if values[label] is not None), key=values.get)  # type: ignore[arg-type]
    absent = [label for label in LABELS if values[label] is None]
    best_first = present[::-1] if column.more_is_better else present
    run.click("#all-measures th button", name)
    assert rows(run, "#all-measures") == best_first + absent
    run.click("#all-measures th button", name)
    assert rows(run, "#all-measures") == best_first[::-1] + absent
    sorts = run.run("return [...document.querySelectorAll('#all-measures th[aria-sort]')].map(head => head.ariaSort)")
    assert sorted(set(sorts)) == sorted({"none", "ascending" if column.more_is_better else "descending"})


def test_the_legend_hides_an_algorithm_in_all_figures_and_shows_it_again(run: Browser) -> None:
    for label in LABELS[1:]:
        run.click("#accuracy .legend button", label)
        assert shown(run, "accuracy") == shown(run, "pareto") == {*LABELS} - {label}
        run.click("#pareto .legend button", label)
        assert shown(run, "accuracy") == shown(run, "pareto") == {*LABELS}


@pytest.mark.parametrize(("button", "axis"), [("Bytes", "traffic"), ("Energy", "energy"), ("Time", "simulated time")])
def test_the_buttons_change_what_accuracy_is_set_against(run: Browser, button: str, axis: str) -> None:
    run.click("#accuracy .knob button", button)
    assert run.run("return document.querySelector('#accuracy .plot').layout.xaxis.title.text").startswith(axis)
    pressed = "#accuracy .knob button[aria-pressed=true]"
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
    assert run.run(script, pressed) == [button]


def test_a_figure_shows_its_own_table(run: Browser) -> None:
    script = "return [...document.querySelectorAll('[data-of=targets]')].filter(part => !part.hidden)"
    for option in ("Bytes", "Energy", "Time"):
        run.click("#targets .knob button", option)
        assert run.run(f"{script}.map(part => part.querySelector('table').id)") == [f"targets-{option.lower()}"]


def test_the_first_table_needs_no_scrolling_at_1300_pixels(run: Browser) -> None:
    run.emulate(width=1300)
    assert run.run("const box = document.querySelector('.scroll'); return box.scrollWidth <= box.clientWidth")
    run.emulate()


TABLE = """
    const box = document.createElement('div');
    box.innerHTML = arguments[0];
    document.body.append(box);
    const text = window[arguments[1]];
    const copied = text(contentOf(box.querySelector('table')));
    box.remove();
    return copied;"""
MARKUP = """
    <table><thead>
    <tr class="groups"><th></th><th colspan="2">Time</th><th>R&amp;D</th></tr>
    <tr class="heads"><th>Algorithm</th><th data-unit="s">First</th><th data-unit="s">Later</th><th>50 %</th></tr></thead><tbody>
    <tr><th>FL|a_b</th><td data-value="1.5" class="best">1.5 s</td><td data-value="">–</td><td data-value="0.5">2 ± 1 %</td></tr>
    <tr><th>SFL, "x"</th><td data-value="2">2 s</td><td data-value="60">1 min</td><td data-value="0.25">$3 {5}</td></tr>
    </tbody></table>"""  # noqa: E501


def test_a_table_is_copied_as_markdown(run: Browser) -> None:
    assert run.run(TABLE, MARKUP, "asMarkdown").splitlines() == [
        "| Algorithm | Time: First | Time: Later | R&D: 50 % |",
        "| --- | ---: | ---: | ---: |",
        "| FL\\|a_b | **1.5 s** | – | 2 ± 1 % |",
        '| SFL, "x" | 2 s | 1 min | $3 {5} |',
    ]


def test_a_table_is_copied_as_latex(run: Browser) -> None:
    assert run.run(TABLE, MARKUP, "asLatex").splitlines() == [
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r" & \multicolumn{2}{c}{Time} & \multicolumn{1}{c}{R\&D} \\",
        r"\cmidrule(lr){2-3} \cmidrule(lr){4-4}",
        r"Algorithm & First & Later & 50 \% \\",
        r"\midrule",
        r"FL\textbar{}a\_b & \textbf{1.5 s} & -- & 2 $\pm$ 1 \% \\",
        r'SFL, "x" & 2 s & 1 min & \$3 \{5\} \\',
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_table_is_copied_as_csv_in_si_units(run: Browser) -> None:
    rows = list(csv.reader(run.run(TABLE, MARKUP, "asCsv").splitlines()))
    assert rows == [
        ["Algorithm", "Time: First (s)", "Time: Later (s)", "R&D: 50 %"],
        ["FL|a_b", "1.5", "", "0.5"],
        ['SFL, "x"', "2", "60", "0.25"],
    ]


def test_every_table_has_buttons_that_copy_it(run: Browser, folder: Path) -> None:
    script = """
        let copied = '';
        navigator.clipboard.writeText = async text => { copied = text; };
        const box = document.querySelector('#measures').closest('.scroll');
        const button = [...box.nextElementSibling.querySelectorAll('button')].find(each => each.textContent === 'CSV');
        button.focus();
        const reached = document.activeElement === button;
        button.click();
        return [reached, copied, document.querySelectorAll('.scroll > table').length, document.querySelectorAll('.copies').length];"""  # noqa: E501
    reached, copied, tables, bars = run.run(script)
    assert reached
    assert tables == bars > 2
    heads, *lines = csv.reader(copied.splitlines())
    place = heads.index("Time: Simulated time (s)")
    means = load_run(folder).summary.groupby("label")["sim_time_s"].mean()
    assert {line[0]: float(line[place]) for line in lines} == pytest.approx(means.to_dict())


def test_a_phase_can_be_switched_off(run: Browser) -> None:
    run.click("#where .phases button", "waiting")
    script = "return document.querySelector('#where .plot').data.filter(t => t.visible === false).map(t => t.name)"
    assert run.run(script) == ["waiting"]
    run.click("#where .phases button", "waiting")
    assert run.run(script) == []


def test_a_dark_page_has_light_letters_in_its_figures_too(run: Browser) -> None:
    def light(script: str) -> bool:
        red, green, blue = run.run(f"return {script}.match(/[0-9.]+/g).slice(0, 3).map(Number)")
        return 0.3 * red + 0.59 * green + 0.11 * blue > 128

    ground = "getComputedStyle(document.body).backgroundColor"
    letters = "getComputedStyle(document.querySelector('#accuracy .xtick text')).fill"
    for dark in (True, False):
        run.emulate(dark=dark)
        first = "document.querySelector('#accuracy .plot').layout.font.color.startsWith('#1')"  # dark letters
        run.until(f"return {'!' if dark else ''}{first}")
        assert (light(ground), light(letters)) == (not dark, dark)


def test_a_phone_scrolls_tables_but_not_the_page(run: Browser) -> None:
    run.emulate(width=360)
    run.until("return document.querySelector('#accuracy .plot svg').clientWidth < 360")
    assert run.run("return document.documentElement.scrollWidth") <= 360
    assert run.run("const box = document.querySelector('.scroll'); return box.scrollWidth > box.clientWidth")
    run.emulate()
