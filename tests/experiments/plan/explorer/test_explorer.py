"""The explorer's programs, against dry runs on a grid, and where they claim nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.explorer.explorer import EXPLORER, explorer
from simulator.experiments.run import run as runs
from tests.helpers.closed_forms import NANO, PI, small
from tests.helpers.what_ifs import Wish, by_dry_run, by_later_rounds, by_program

GRID = (
    Wish(),
    Wish(links=0.1, server=4.0, rounds=3),
    Wish(links=5.0, devices=0.25, server=0.1, head=0, kept=30),
    Wish(devices=3.0, head=1, kept=100, rounds=2),
    Wish(batches=1, kept=65, rounds=2),
    Wish(links=0.5, batches=3, head=1, kept=20),
)
UNEVEN = {"partition": {"name": "quantity_skew", "alpha": 1.0, "min_samples": 3}, "samples": 120}


@pytest.mark.parametrize("label", ["fl", "fl-lora", "v1", "v1-linear", "v1-sent", "sfp", "sfp-random", "in-turn"])
def test_exact_figures_are_those_of_dry_runs(label: str, tmp_path: Path) -> None:
    settings = small(tmp_path, label, data=UNEVEN, training={"clients_per_round": 3})
    found = explorer(settings)
    assert found is not None
    for wish in GRID:
        answer = by_program(found, 0, wish)
        assert answer is not None, wish
        figures, exact = answer
        assert exact, wish
        assert figures == pytest.approx(by_dry_run(settings, 0, wish), rel=1e-9), wish


@pytest.mark.parametrize("label", ["frozen", "psl"])
def test_forms_that_want_equal_shards_have_a_program_for_these(label: str, tmp_path: Path) -> None:
    settings = small(tmp_path, label, data=UNEVEN)
    found = explorer(settings)
    assert found is not None
    assert by_program(found, 0, Wish()) is None
    for wish in (Wish(batches=2), Wish(batches=3, links=0.2, devices=2.0, server=0.5, rounds=2)):
        answer = by_program(found, 0, wish)
        assert answer is not None
        assert answer[1]
        assert answer[0] == pytest.approx(by_later_rounds(settings, 0, wish), rel=1e-9)


def test_where_devices_share_a_link_of_the_server_it_is_an_estimate(tmp_path: Path) -> None:
    """Two LTE and two faster uplinks fit into 100 Mbit/s, but not once they are ten times as fast."""
    settings = small(tmp_path, "fl", server={"downlink": {"rate": "300 Mbit/s"}})
    found = explorer(settings)
    assert found is not None
    exact = [by_program(found, 0, Wish(links=links)) for links in (0.1, 10.0)]
    assert [answer and answer[1] for answer in exact] == [True, False]
    figures = exact[1] and exact[1][0]
    assert figures
    assert figures["seconds"] < by_dry_run(settings, 0, Wish(links=10.0))["seconds"], "waiting is left out"


def test_where_works_wait_it_is_an_estimate(tmp_path: Path) -> None:
    settings = small(tmp_path, "v1", server={"slots": 1})
    found = explorer(settings)
    assert found is not None
    assert {doubt for one in found["entries"][0]["programs"] for doubt in one["doubts"]} == {"works wait at the server"}
    answer = by_program(found, 0, Wish())
    assert answer
    assert not answer[1]
    assert answer[0]["seconds"] < by_dry_run(settings, 0, Wish())["seconds"]


REASONS: list[tuple[str, dict[str, Any], str]] = [
    ("v2", {}, "its closed form needs equal devices and shards"),
    ("flexp", {}, "it has no closed form"),
    ("fl", {"training": {"driver": {"name": "fedasync"}}}, "its driver is fedasync"),
    ("v1-fastest", {}, "its cuts are chosen for each device"),
]


@pytest.mark.parametrize(("label", "changes", "reason"), REASONS)
def test_an_entry_without_programs_says_why(label: str, changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = explorer(small(tmp_path, label, "in-turn", **changes))
    whys = [entry["why_not"] for entry in found["entries"]] if found else []
    assert whys[:1] == [reason] or (found is None and label == "fl")


def test_a_scenario_without_any_closed_form_has_no_explorer(tmp_path: Path) -> None:
    assert explorer(small(tmp_path, "flexp")) is None


def test_groups_differ_in_their_own_hardware(tmp_path: Path) -> None:
    """Of one Pi and one Nano a round lasts as long as the slower one's part, whichever is chosen first."""
    settings = small(
        tmp_path, "fl", devices=[PI | {"count": 1}, NANO | {"count": 1}], training={"clients_per_round": 2}
    )
    found = explorer(settings)
    assert found is not None
    for devices in (0.5, 2.0):
        answer = by_program(found, 0, Wish(devices=devices))
        assert answer
        assert answer[0] == pytest.approx(by_dry_run(settings, 0, Wish(devices=devices)), rel=1e-9)


def test_a_run_leaves_its_programs_for_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "explorer", explorer)
    settings = small(tmp_path, "fl", evaluation={"samples": None})
    folder = runs.run_scenario(settings, dry=True, out=tmp_path / "run")
    written = json.loads((folder / EXPLORER).read_text())
    assert written == json.loads(json.dumps(explorer(settings)))
    assert 'id="whatif"' in (folder / "report.html").read_text()
