"""The table of a plan: as wide as there is room for, with marks that its caption explains."""

from __future__ import annotations

import io
import re
from typing import Any

from rich.console import Console

from simulator.experiments.plan.cuts import points
from simulator.experiments.plan.rounds import Planner
from simulator.experiments.plan.table import PlanTable
from simulator.scenario.scenario import Scenario

NAMES = ("raspberry-pi-4", "raspberry-pi-5", "jetson-nano")


def printed(width: int, memory: str = "64 GB", **server: Any) -> list[str]:
    """The lines of a table on a terminal with so many columns."""
    scenario = Scenario.model_validate(
        {
            "name": "plan",
            "world": {
                "devices": [{"name": name, "memory": memory} for name in NAMES],
                "server": {"name": "a100", **server},
            },
            "model": {"name": "random"},
            "data": {"name": "synthetic", "samples": 24, "test_samples": 10, "classes": 5},
            "training": {"rounds": 3, "clients_per_round": 1, "batch_size": 8, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "fedavg"}, {"name": "splitfed", "label": "SFL+Full", "head": 1, "tail": 4}],
        }
    )
    planner = Planner(scenario)
    file = io.StringIO()
    Console(file=file, width=width).print(PlanTable(planner, points(planner)))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_groups_of_devices_share_a_column_where_they_have_no_room() -> None:
    wide, narrow = printed(200), printed(110)
    assert any(line.count("of 64 GB") == 3 for line in wide)
    assert not any("of 64 GB" in line for line in narrow)
    assert max(map(len, narrow)) <= 110
    assert [line.split()[0] for line in narrow if "FLOP" not in line and line.startswith("SFL")] == ["SFL+Full"]


def test_marks_are_explained_where_they_stand() -> None:
    """Head 1 is the file's; head 0, which computes less, is faster; a byte of memory is too little for any."""
    ample, small = printed(200), printed(200, "1 B")
    assert [line.split()[0] for line in ample if "*" in line and ":" not in line] == ["1*"]
    assert "*: the cut that the file says" in " ".join(ample)
    assert [line.split()[1] for line in ample if re.search(r" >\d", line)] == ["0"], "behind the label"
    assert ">: an algorithm's fastest cut that fits." in " ".join(ample)
    assert "!" not in " ".join(ample)
    assert "!: more than there is: raspberry-pi-4 1 B" in " ".join(small)
    assert not any(re.search(r" >\d", line) for line in small)


def test_that_signals_are_left_out_is_said_where_there_are_any() -> None:
    signal = {"name": "periodic", "period": "1 s", "low": 0}
    steady, varying = printed(200), printed(200, uplink={"link": "gigabit-ethernet", "signal": signal})
    assert "signals are left out" not in " ".join(steady)
    assert "Links have their nominal rates all the time: signals are left out." in " ".join(varying)
    table = [line for line in steady if "FLOP" in line or line.startswith("SFL")]
    assert table == [line for line in varying if "FLOP" in line or line.startswith("SFL")]
