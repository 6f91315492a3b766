"""The explorer's programs, against dry runs on a grid, and where they claim nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.explorer.explorer import EXPLORER, explorer
from simulator.experiments.run import drawing
from simulator.experiments.run import run as runs
from simulator.scenario.scenario import Scenario
from simulator.settings.plugins import DRIVERS
from tests.helpers.closed_forms import NANO, PI, small
from tests.helpers.grids import grid
from tests.helpers.what_ifs import Wish, by_dry_run, by_later_rounds, by_program

GRID = (
    Wish(),
    Wish(links=0.1, server=4.0, rounds=3),
    Wish(links=5.0, devices=0.25, server=0.1, head=0, kept=30),
    Wish(devices=3.0, head=1, kept=100, rounds=2),
    Wish(batches=1, kept=65, rounds=2),
    Wish(links=0.5, batches=3, head=1, kept=20),
    Wish(rounds=None),
)
UNEVEN = {"partition": {"name": "quantity_skew", "alpha": 1.0, "min_samples": 3}, "samples": 120}


FORMS = ("fl", "fl-lora", "v1", "v1-linear", "v1-sent", "sfp", "sfp-random", "in-turn")
ONCE = {("fl", 8), ("v1", 1), ("v1-linear", 8), ("v1-sent", 8), ("sfp", 8), ("sfp-random", 1), ("in-turn", 8)}


@pytest.mark.parametrize(("label", "batch_size"), grid(FORMS, (1, 8), often=lambda *point: point in ONCE))
def test_exact_figures_are_those_of_dry_runs(label: str, batch_size: int, tmp_path: Path) -> None:
    settings = small(tmp_path, label, data=UNEVEN, training={"clients_per_round": 3, "batch_size": batch_size})
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


REASONS = [
    ("v2", {}, "devices interleave on one body"),
    ("v2-exclusive", {}, "devices, links or batches differ, and the server serves one at a time"),
    ("flexp", {}, "it has no closed form"),
    ("fl", {"driver": DRIVERS.find("fedasync")()}, "its driver is fedasync"),
    ("v1-fastest", {}, "its cuts are chosen for each device"),
]


@pytest.mark.parametrize(("label", "own", "reason"), REASONS)
def test_an_entry_without_programs_says_why(label: str, own: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = explorer(with_own(small(tmp_path, label, "in-turn"), 0, **own))
    assert found is not None
    first, other = found["entries"]
    assert (first["programs"], first["why_not"]) == ([], reason)
    assert other["programs"]


def with_own(settings: Scenario, number: int, **training: Any) -> Scenario:
    """The scenario with other settings for the training of one entry."""
    entries = list(settings.algorithms)
    entry = entries[number]
    entries[number] = entry.model_copy(update={"training": entry.training.model_copy(update=training)})
    return settings.model_copy(update={"algorithms": tuple(entries)})


LINK = {"rate": "20 Mbit/s", "signal": {"name": "periodic", "period": "10 s"}}
LEFT_OUT: list[tuple[dict[str, Any], str]] = [
    ({"devices": [PI | {"uplink": LINK}, NANO]}, "the rate of a link varies"),
    ({"devices": [PI | {"dropout": {"upload": 0.1}}, NANO]}, "something can go wrong"),
    ({"training": {"selection": {"name": "fedcs", "deadline": "1 h"}}}, "fedcs selects the cohort"),
    ({"training": {"budget": {"seconds": "1 h"}}}, "its budget ends it, whatever its rounds"),
]


@pytest.mark.parametrize(("changes", "doubt"), LEFT_OUT)
def test_what_the_plan_leaves_out_makes_an_estimate(changes: dict[str, Any], doubt: str, tmp_path: Path) -> None:
    found = explorer(small(tmp_path, "fl", **changes))
    assert found is not None
    assert {tuple(program["doubts"]) for program in found["entries"][0]["programs"]} == {(doubt,)}


def test_behind_edges_there_are_no_programs(tmp_path: Path) -> None:
    edges = [{"name": "jetson-agx-orin", "devices": ["raspberry-pi-4"]}]
    assert explorer(small(tmp_path, "fl", world={"edges": edges})) is None


def test_pruning_once_leaves_the_scores_of_first_rounds_out(tmp_path: Path) -> None:
    settings = small(tmp_path, "sfp-easiest")
    found = explorer(settings)
    assert found is not None
    doubts = {one["pruned"]: one["doubts"] for one in found["entries"][0]["programs"]}
    assert doubts == {True: ["the scores of first rounds are left out"], False: []}
    answer = by_program(found, 0, Wish())
    assert answer
    assert answer[0]["work"] < by_dry_run(settings, 0, Wish())["work"]


def test_all_entries_have_cohorts_for_as_many_rounds(tmp_path: Path) -> None:
    found = explorer(with_own(small(tmp_path, "fl", "in-turn"), 1, rounds=15))
    assert found is not None
    assert [len(entry["cohorts"]) for entry in found["entries"]] == [30, 30]


def test_batches_are_as_large_as_those_of_their_entry(tmp_path: Path) -> None:
    settings = with_own(small(tmp_path, "fl", "v1"), 1, batch_size=3)
    found = explorer(settings)
    assert found is not None
    assert [entry["batch_size"] for entry in found["entries"]] == [8, 3]
    for number in (0, 1):
        answer = by_program(found, number, Wish(batches=2))
        assert answer
        assert answer[0] == pytest.approx(by_dry_run(settings, number, Wish(batches=2)), rel=1e-9)


@pytest.mark.parametrize("fraction", [2 / 3, 0.29, 1 / 7, 0.1 + 0.2, 1e-9, 1.0])
def test_pruning_keeps_as_many_as_in_a_run(fraction: float, tmp_path: Path) -> None:
    """Of 30 samples, 0.6666666666666666 are 19, not 20."""
    settings = small(tmp_path, "sfp", data={"samples": 120})
    algorithm = settings.algorithms[0].algorithm.model_copy(update={"keep_fraction": fraction})
    entry = settings.algorithms[0].model_copy(update={"algorithm": algorithm})
    settings = settings.model_copy(update={"algorithms": (entry,)})
    found = explorer(settings)
    assert found is not None
    answer = by_program(found, 0, Wish())
    assert answer
    assert answer[0] == pytest.approx(by_dry_run(settings, 0, Wish()), rel=1e-9)


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


@pytest.mark.usefixtures("pictures")
def test_a_run_leaves_its_programs_for_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "explorer", explorer)
    settings = small(tmp_path, "fl", evaluation={"samples": None})
    folder = runs.run_scenario(settings, dry=True, out=tmp_path / "run")
    written = json.loads((folder / EXPLORER).read_text())
    assert written == json.loads(json.dumps(explorer(settings)))
    assert 'id="whatif"' in (folder / "report.html").read_text()


def test_a_failure_costs_the_sliders_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(scenario: Scenario) -> None:
        raise AttributeError("no costs")

    monkeypatch.setattr(drawing, "explorer", failing)
    folder = runs.run_scenario(small(tmp_path, "fl", evaluation={"samples": None}), dry=True, out=tmp_path / "run")
    assert "The page has no sliders: AttributeError: no costs" in capsys.readouterr().out
    assert (folder / "summary.json").is_file()
    assert (folder / "report.html").is_file()
    assert not (folder / EXPLORER).exists()
