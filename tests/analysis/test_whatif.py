"""The sliders of a run's page: what a browser computes is what the programs compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis import RunError, write_report
from analysis.explorer import EXPLORER, read_explorer
from simulator.experiments.plan.explorer import explorer as explorers
from tests.helpers.browser import HAS_BROWSER, Browser
from tests.helpers.closed_forms import small
from tests.helpers.run_folders import fabricate
from tests.helpers.what_ifs import FIGURES, Wish, by_program

LABELS = ("fl", "v1", "sfp", "flexp")
WISHES = (
    Wish(rounds=2),
    Wish(links=0.25, devices=2.0, server=0.5, head=1, kept=35, rounds=3),
    Wish(links=8.0, batches=3, head=0, kept=100),
)
in_browser = pytest.mark.skipif(not HAS_BROWSER, reason="there is no chromium with a chromedriver and selenium")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = small(tmp_path_factory.mktemp("small"), *LABELS, server={"slots": 2, "downlink": {"rate": "30 Mbit/s"}})
    found = explorers.explorer(settings)
    assert found is not None
    return json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def page(programs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fabricate(tmp_path_factory.mktemp("reports") / "run")
    (folder / EXPLORER).write_text(json.dumps(programs))
    return write_report(folder)


def test_its_name_is_that_which_runs_write() -> None:
    assert explorers.EXPLORER == EXPLORER


def test_a_run_without_programs_has_no_sliders(tmp_path: Path) -> None:
    folder = fabricate(tmp_path)
    assert read_explorer(folder) is None
    assert 'id="whatif"' not in write_report(folder).read_text()


def test_a_broken_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / EXPLORER).write_text("{")
    with pytest.raises(RunError, match=EXPLORER):
        read_explorer(tmp_path)


@in_browser
def test_a_browser_computes_what_the_programs_do(programs: dict[str, Any], page: Path) -> None:
    browser = Browser()
    try:
        browser.open(page)
        for wish in WISHES:
            asked = {name: getattr(wish, name) for name in Wish.__dataclass_fields__}
            script = "return whatIf.entries.map(entry => taken(entry, arguments[0]))"
            for number, one in enumerate(browser.run(script, asked)):
                answer = by_program(programs, number, wish)
                if answer is None:
                    assert one is None
                    continue
                figures, exact = answer
                assert {name: one[name] for name in FIGURES} == pytest.approx(figures, rel=1e-12)
                assert (not one["doubts"]) == exact
        assert browser.errors() == []
    finally:
        browser.driver.quit()


@in_browser
def test_a_slider_redraws_the_figures(page: Path) -> None:
    browser = Browser()
    try:
        browser.open(page)
        moved = """
            const seconds = () => Number(document.querySelector("#whatif tbody tr td").dataset.value);
            const before = seconds(), slider = document.querySelector("#whatif input[name=links]");
            slider.value = 0;
            slider.dispatchEvent(new Event("input"));
            const slow = seconds();
            document.querySelector("#whatif .note button").click();
            return [before, slow, seconds(), slider.nextElementSibling.textContent];"""
        before, slow, again, said = browser.run(moved)
        assert slow > before == again
        assert said == "as in the run"
    finally:
        browser.driver.quit()
