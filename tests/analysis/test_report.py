"""The report says what the run says, and needs nothing but itself."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis import load_run, write_report
from analysis.measures import highlights, measure_rows
from tests.analysis.builder import fabricate

NAMES = ("accuracy_vs_time", "accuracy_vs_bytes", "accuracy_vs_energy", "where_it_goes", "round_timeline")


class _Page(HTMLParser):
    """All attributes of all tags, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1] != "style":
            self.words.append(data)


def page(folder: Path) -> tuple[str, _Page]:
    """The report of a run, with a few bytes in place of each figure: what they show is tested elsewhere."""
    figures = [folder / f"{name}.png" for name in NAMES]
    for figure in figures:
        figure.write_bytes(b"\x89PNG\r\n\x1a\n")
    html = write_report(folder, figures).read_text(encoding="utf-8")
    return html, _Page(html)


def test_the_report_is_one_file_that_needs_no_network(tmp_path: Path) -> None:
    html, parsed = page(fabricate(tmp_path, seeds=(0, 1)))
    assert not re.search(r"https?://", html)
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    links = [value for name, value in parsed.attributes if name in ("src", "href", "srcset", "poster", "action")]
    assert len(links) == 5
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert "url(" not in html
    assert "@import" not in html
    assert sorted(p.name for p in tmp_path.glob("*report*")) == ["report.html"]


def test_the_report_holds_question_measures_captions_scenario_and_environment(tmp_path: Path) -> None:
    _, parsed = page(fabricate(tmp_path, seeds=(0, 1)))
    for words in ("most accurate?", "Final accuracy", "Time to target", "of which provisioning", "Peak of a device",
                  "Look for the widest piece", "sfsim run scenario.yaml", "clients_per_round: 2", "packages.torch",
                  "means over 2 seeds", "count one multiply-add as two", "3 × pi"):  # fmt: skip
        assert words in parsed.text
    assert "dry run" not in parsed.text


def test_labels_are_escaped(tmp_path: Path) -> None:
    html, parsed = page(fabricate(tmp_path, labels=("<b>bold", "a & b"), rounds=1, name="<i>odd</i>"))
    assert "b" not in parsed.tags
    assert "i" not in parsed.tags
    assert "&lt;b&gt;bold" in html
    assert "a &amp; b" in html


def test_a_dry_run_says_that_it_has_no_accuracy(tmp_path: Path) -> None:
    _, parsed = page(fabricate(tmp_path, dry=True))
    assert "dry run" in parsed.text
    assert [value for name, value in parsed.attributes if name == "alt"] == ["Where it goes", "One round"]
    assert "sfsim run scenario.yaml --dry" in parsed.text
    assert "nan" not in parsed.text.lower()
    assert "None" not in parsed.text


def test_one_round_of_one_algorithm(tmp_path: Path) -> None:
    folder = fabricate(tmp_path, labels=("FL",), rounds=1, devices=1, per_round=1, target=None)
    html, _ = page(folder)
    assert 'class="best"' not in html
    assert highlights(load_run(folder)) == []


def test_without_figures_at_hand_they_are_drawn(tmp_path: Path) -> None:
    html = write_report(fabricate(tmp_path, labels=("FL",), rounds=1, devices=1, per_round=1)).read_text(
        encoding="utf-8"
    )
    for name in NAMES:
        drawn = (tmp_path / "figures" / f"{name}.png").read_bytes()
        assert base64.b64encode(drawn).decode("ascii") in html


def test_measures_show_means_spreads_and_the_best(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("FL", "SFPrompt"), seeds=(0, 1), rounds=8))
    rows = {(row.group, row.name): row.cells for row in measure_rows(run)}
    accuracy = run.summary.groupby("label")["final_accuracy"].mean()
    fl, prompt = rows["Learning", "Final accuracy"]
    assert fl.text.startswith(f"{100 * accuracy['FL']:.1f}")
    assert "± 0.7 %" in fl.text
    assert (fl.best, prompt.best) == (True, False)  # more is better
    assert [cell.best for cell in rows["Learning", "Trainable parameters"]] == [False, True]  # less is better
    assert [cell.best for cell in rows["Traffic", "of which provisioning"]] == [True, False]


def test_a_label_that_reached_the_target_with_some_seeds_only_is_never_the_best(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1), rounds=8))
    run.summary.loc[(run.summary["label"] == "SFPrompt") & (run.summary["seed"] == 1), "time_to_target_s"] = None
    run.summary.loc[(run.summary["label"] == "SFPrompt") & (run.summary["seed"] == 0), "time_to_target_s"] = 1.0
    (cells,) = (row.cells for row in measure_rows(run) if row.name == "Time to target")
    assert [cell.best for cell in cells] == [True, False]
    assert cells[1].text == "1 s (1 of 2 seeds)"


@pytest.mark.parametrize("same", [True, False])
def test_figures_that_read_the_same_are_equally_good(tmp_path: Path, same: bool) -> None:
    run = load_run(fabricate(tmp_path, labels=("A", "B", "C"), algorithms=("fedavg",), rounds=1))
    run.summary["sim_time_s"] = [10.0, 10.001, 10.0 if same else 20.0]
    (cells,) = (row.cells for row in measure_rows(run) if row.name == "Simulated time")
    assert [cell.best for cell in cells] == ([False] * 3 if same else [True, True, False])
