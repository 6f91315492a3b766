"""Jobs through submitit, without Slurm: the processes that it starts in its place."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from simulator.experiments.executors.slurm import Slurm
from simulator.settings.errors import ScenarioError
from tests.helpers.far_away import Squares, alive, calls, eventually

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # submitit does not wait for its processes


def test_items_are_shared_among_jobs(tmp_path: Path, log: Path) -> None:
    done = Slurm(2, 1, "local").map(Squares(tmp_path / "out", log), range(7))
    assert sorted(done) == [number**2 for number in range(7)]
    assert sorted(int(path.name) for path in (tmp_path / "out/squares").iterdir()) == [*range(7)]
    assert len({process for _, process in calls(log)} - {os.getpid()}) == 2
    assert os.listdir(tmp_path / "out") == ["squares"]


def test_no_items_are_no_jobs(tmp_path: Path, log: Path) -> None:
    assert list(Slurm(2, 1, "local").map(Squares(tmp_path / "out", log), [])) == []


def test_a_job_that_fails_is_told(tmp_path: Path, log: Path) -> None:
    with pytest.raises(ScenarioError, match=r"^job \S+ of Slurm failed: ValueError: -1 is negative; see .*\.slurm$"):
        list(Slurm(1, 1, "local").map(Squares(tmp_path / "out", log), [0, -1, 1]))
    assert {path.name for path in (tmp_path / "out/squares").iterdir()} == {"0"}


@pytest.mark.slow  # submitit waits ten seconds for the result of a process that is gone
def test_a_job_that_is_killed_is_told(tmp_path: Path, log: Path) -> None:
    with pytest.raises(ScenarioError, match=r"^job \S+ of Slurm failed: .*; see .*\.slurm$"):
        list(Slurm(1, 1, "local").map(Squares(tmp_path / "out", log, deadly=(1,)), range(3)))
    assert {path.name for path in (tmp_path / "out/squares").iterdir()} == {"0"}


def test_closing_stops_the_jobs(tmp_path: Path, log: Path) -> None:
    jobs = Slurm(2, 1, "local").map(Squares(tmp_path / "out", log, seconds=60.0), [0, 1])
    with closing(jobs):
        assert next(jobs) == 0
        assert eventually(lambda: len(calls(log)) == 2)
    assert eventually(lambda: not any(alive(process) for _, process in calls(log)))
