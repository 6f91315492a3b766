"""The figures that a search looks for are those of the trials' folders."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.experiments.search.measures import MEASURES, SPENT, curve_of, figures_of
from simulator.experiments.search.search import INVALID, Loop
from tests.helpers.small_searches import new, searched
from tests.helpers.small_sweeps import Write

SUMMARY = {"time_to_target_s": 20.0, "time_to_target_held_s": 30.0, "bytes_up": 9, "bytes_down": 90}
ROUNDS = """\
round,sim_time_s,accuracy,bytes_up,bytes_down,client_energy_j
0,0.0,0.1,0,0,0
1,10.0,,1,10,0.5
2,20.0,0.6,3,30,1.5
3,30.0,0.7,6,60,2.5
4,40.0,0.8,9,90,3.5
"""


def trial(folder: Path, **summary: object) -> Path:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"trials": [SUMMARY | summary]}))
    (folder / "rounds.csv").write_text(ROUNDS)
    return folder


def test_what_is_spent_until_the_target(tmp_path: Path) -> None:
    """The running totals of the round at whose end the target was reached, or held."""
    assert figures_of([trial(tmp_path / "a")], SPENT) == {
        "bytes_to_target": 33,
        "bytes_to_target_held": 66,
        "client_energy_to_target_j": 1.5,
        "client_energy_to_target_held_j": 2.5,
    }
    assert curve_of(tmp_path / "a") == {0: 0.1, 2: 0.6, 3: 0.7, 4: 0.8}


def test_means_over_seeds_are_of_all_seeds_or_none(tmp_path: Path) -> None:
    one, other = trial(tmp_path / "a"), trial(tmp_path / "b", time_to_target_s=40.0, time_to_target_held_s=None)
    wanted = ["bytes_to_target", "bytes_to_target_held", "bytes"]
    assert figures_of([one, other], wanted) == {"bytes_to_target": 66, "bytes_to_target_held": None, "bytes": 99}


def test_every_figure_is_one_of_a_trial(write: Write) -> None:
    """Numbers, or nothing where a scenario has none, such as accuracies in a dry run."""
    folder = searched(write(trials=1))
    place = folder / "trials" / new(folder)[0]["trials"]
    figures = figures_of([place], MEASURES)
    assert figures.keys() == set(MEASURES)
    (summary,) = json.loads((place / "summary.json").read_text())["trials"]
    numbers = {key for key, value in summary.items() if isinstance(value, int | float)} - {"seed", "rounds"}
    assert numbers - set(MEASURES) == {"wall_time_s", "first_rounds"}
    with (place / "rounds.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert figures["bytes"] == pytest.approx(float(last["bytes_up"]) + float(last["bytes_down"]))


def test_a_point_falls_short_of_a_target_loss_by_what_its_loss_is_above(tmp_path: Path) -> None:
    """2.5 is a quarter above 2; a loss that is no number is as far away as can be."""
    base = SimpleNamespace(target_accuracy=None, target_loss=2.0)
    loop: Any = SimpleNamespace(points=SimpleNamespace(base=base))
    above, none = trial(tmp_path / "a", final_loss=2.5), trial(tmp_path / "b", final_loss=None)
    said = "the target of a loss of 2 is not reached: the loss at the end is 2.5"
    assert Loop._short_of_target(loop, [above]) == (0.25, said)
    assert Loop._short_of_target(loop, [none])[0] == INVALID
    assert "with at least one seed" in Loop._short_of_target(loop, [above, none])[1]
