"""The sliders of a run's page: what a browser computes is what the programs compute."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analysis import RunError, write_report
from analysis.explorer import EXPLORER, read_explorer
from analysis.verdict.ranking import Ranking, times
from simulator.experiments.plan.explorer import explorer as explorers
from tests.helpers.browser import HAS_BROWSER, Browser
from tests.helpers.closed_forms import small
from tests.helpers.run_folders import fabricate
from tests.helpers.what_ifs import FIGURES, Wish, by_program

LABELS = ("fl", "v1", "sfp", "flexp", "frozen")
WISHES = (
    Wish(rounds=2),
    Wish(links=0.25, devices=2.0, server=0.5, head=1, kept=35, rounds=3),
    Wish(links=8.0, batches=3, head=0, kept=100),
    Wish(rounds=None, batches=2),
)
in_browser = pytest.mark.skipif(not HAS_BROWSER, reason="there is no chromium with a chromedriver and selenium")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = small(tmp_path_factory.mktemp("small"), *LABELS, server={"slots": 2, "downlink": {"rate": "30 Mbit/s"}})
    found = explorers.explorer(settings)
    assert found is not None
    found["entries"][1]["rounds"] = 4  # others have two
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


def test_programs_of_an_earlier_version_are_left_alone(tmp_path: Path) -> None:
    folder = fabricate(tmp_path)
    (folder / EXPLORER).write_text('{"rounds": 2, "batch_size": 8, "tables": [], "entries": []}')
    assert 'id="whatif"' not in write_report(folder).read_text()


def test_its_note_names_the_seed(page: Path) -> None:
    assert "with the shards and cohorts of seed 0." in page.read_text()


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Browser]:
    opened = Browser()
    try:
        opened.open(page)
        yield opened
    finally:
        opened.driver.quit()


@in_browser
def test_a_browser_computes_what_the_programs_do(programs: dict[str, Any], browser: Browser) -> None:
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


@in_browser
def test_a_slider_redraws_the_figures(browser: Browser) -> None:
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


@in_browser
def test_as_in_the_run_each_entry_has_its_own_rounds(programs: dict[str, Any], browser: Browser) -> None:
    shown = browser.run("""return [...document.querySelectorAll("#whatif tbody tr")].slice(0, 2).map(
        row => Number(row.querySelector("td").dataset.value))""")
    for number, rounds in ((0, 2), (1, 4)):
        answer = by_program(programs, number, Wish(rounds=rounds))
        assert answer
        assert shown[number] == pytest.approx(answer[0]["seconds"])


@in_browser
def test_rounds_without_known_cohorts_are_estimated(programs: dict[str, Any], browser: Browser) -> None:
    wish = {"links": 1, "devices": 1, "server": 1, "batches": 2, "head": None, "kept": None, "rounds": None}
    long = browser.run("return taken({...whatIf.entries[0], rounds: 40}, arguments[0])", wish)
    answer = by_program(programs, 0, Wish(batches=2, rounds=20))
    assert answer
    assert len(programs["entries"][0]["cohorts"]) == 20
    assert long["seconds"] == pytest.approx(2 * answer[0]["seconds"])
    assert "rounds after the first 20 are taken to be like these" in long["doubts"]


@in_browser
def test_a_browser_keeps_as_many_samples_as_pruning_does(browser: Browser) -> None:
    rng = random.Random(0)
    fractions = [*(percent / 100 for percent in range(1, 101)), *(rng.random() for _ in range(200)), 2 / 3, 0.1 + 0.2]
    asked, counts = [], []
    for fraction in fractions:
        share = Fraction(str(fraction))
        for samples in (rng.randrange(1, 10**6), share.denominator % 10**6 + 1, 30, 100):
            asked.append([str(share.numerator), str(share.denominator), samples])
            counts.append(int(samples * share))
    script = "return arguments[0].map(([part, whole, n]) => keptBy(BigInt(part), BigInt(whole), n))"
    assert browser.run(script, asked) == counts


@in_browser
def test_what_has_no_program_says_why(browser: Browser) -> None:
    wish = {"links": 1, "devices": 1, "server": 1, "batches": None, "head": 99, "kept": None, "rounds": None}
    whys = browser.run("return whatIf.entries.map(entry => whyNot(entry, arguments[0]))", wish)
    assert whys[1] == "there is no program for this cut"
    assert whys[3] == "it has no closed form"
    assert (
        browser.run("return whyNot(whatIf.entries[4], arguments[0])", wish | {"head": None})
        == "shards or batches differ"
    )


@in_browser
@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ({"A": 10.0, "B": 3300.0}, "A takes the least time, 10 s; B takes 330 times as long."),
        ({"A": 10.3, "B": 10.0}, "B and A are level, at about 10 s."),
        ({"A": 10.0, "B": 10.4, "C": 25.0}, "A and B are level, at about 10 s; C takes 2.5 times as long."),
        ({"A": 10.0}, ""),
    ],
)
def test_who_takes_the_least_time_is_said_as_in_the_verdict(
    browser: Browser, seconds: dict[str, float], said: str
) -> None:
    assert browser.run("return fastestSaid(arguments[0])", list(seconds.items())) == said
    ranking = Ranking.of(seconds)
    assert (len(ranking.first) > 1) == ("level" in said)


@in_browser
def test_factors_read_as_in_the_verdict(browser: Browser) -> None:
    factors = [0.1, 0.11, 0.25, 1.534, 2.0, 12.7, 331.0, 99.6, 12345.0]
    assert browser.run("return arguments[0].map(factorOf)", factors) == [times(factor) for factor in factors]


@in_browser
def test_the_button_reads_in_the_dark(browser: Browser) -> None:
    """By the contrast of the Web Content Accessibility Guidelines, at least 4.5 to 1."""
    browser.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    style = "const style = getComputedStyle(document.querySelector('#whatif .note button'));"
    ink, ground = (_luminance(text) for text in browser.run(f"{style} return [style.color, style.backgroundColor]"))
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5


def _luminance(color: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
