"""Items on a real Ray of two nodes: all are done once, whatever is lost, and they are what they are here."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.executors import ray as module
from simulator.experiments.executors.ray import Ray
from simulator.settings.errors import ScenarioError
from tests.helpers.far_away import Squares, alive, calls, eventually, visible_gpus

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")


def written(root: Path) -> dict[int, int]:
    """The squares in the folders of the numbers."""
    return {int(path.name): int((path / "square").read_text()) for path in (root / "squares").iterdir()}


def test_workers_that_share_the_folder_write_there(ray: Ray, tmp_path: Path, log: Path) -> None:
    function = Squares(tmp_path / "out", log)
    assert sorted(ray.map(function, range(40))) == [number**2 for number in range(40)]
    assert written(tmp_path / "out") == {number: number**2 for number in range(40)}
    assert {(tmp_path / "out/squares" / str(n) / "written at").read_text() for n in range(40)} == {str(function.root)}
    assert os.listdir(tmp_path / "out") == ["squares"]
    assert os.getpid() not in {process for _, process in calls(log)}


def test_folders_of_workers_that_do_not_share_it_are_brought_here(ray: Ray, elsewhere: Path, log: Path) -> None:
    assert sorted(ray.map(Squares(elsewhere / "out", log), range(5))) == [0, 1, 4, 9, 16]
    assert written(elsewhere / "out") == {number: number**2 for number in range(5)}
    places = {path.read_text() for path in (elsewhere / "out").glob("squares/*/written at")}
    assert len(places) == 5, "each in a place of its own"
    assert not [place for place in places if Path(place).exists()]
    assert os.listdir(elsewhere / "out") == ["squares"]
    assert {Path(place).parent for place in places} == {Path(tempfile.gettempdir())}


def test_the_items_of_a_killed_worker_are_run_again(ray: Ray, tmp_path: Path, log: Path) -> None:
    function = Squares(tmp_path / "out", log, deadly=(3, 5))
    assert sorted(ray.map(function, range(8))) == [number**2 for number in range(8)]
    assert written(tmp_path / "out") == {number: number**2 for number in range(8)}
    numbers = [number for number, _ in calls(log)]
    assert {number: numbers.count(number) for number in range(8)} == dict.fromkeys(range(8), 1) | {3: 2, 5: 2}


@pytest.mark.slow
def test_an_item_that_kills_every_worker_is_given_up_alone(
    ray: Ray, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIES", 2)
    done = list(ray.map(Squares(tmp_path / "out", log, deadly=(1,), kills=99), range(3)))
    problems = [each for each in done if isinstance(each, str)]
    assert len(problems) == 1
    assert problems[0].startswith("1: its worker was lost 2 times, perhaps for lack of memory")
    assert written(tmp_path / "out") == {0: 0, 2: 4}
    assert [number for number, _ in calls(log)].count(1) == 2


@pytest.mark.slow
def test_the_items_of_a_lost_node_are_run_elsewhere(
    cluster: Any, ray: Ray, tmp_path: Path, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    node = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    done: list[int] = []
    with closing(ray.map(Squares(tmp_path / "out", log, seconds=0.3), range(12))) as results:
        for square in results:
            done.append(square)
            if node is not None and len({process for _, process in calls(log)}) > 1:
                cluster.remove_node(node, allow_graceful=False)
                node = None
    assert node is None, "or nothing was lost"
    assert capfd.readouterr().out == ""
    assert sorted(done) == [number**2 for number in range(12)]
    assert written(tmp_path / "out") == {number: number**2 for number in range(12)}


def test_closing_stops_what_runs(ray: Ray, tmp_path: Path, log: Path) -> None:
    with closing(ray.map(Squares(tmp_path / "out", log, seconds=60.0), range(9))) as results:
        assert next(results) == 0
        assert eventually(lambda: any(number for number, _ in calls(log)))
    processes = {process for number, process in calls(log) if number}
    assert eventually(lambda: not any(map(alive, processes)), 5)
    assert written(tmp_path / "out") == {0: 0}
    assert os.listdir(tmp_path / "out") == ["squares"]
    assert sorted(os.listdir(tmp_path / "out/squares")) == ["0"]


def test_an_error_is_raised_here_as_it_was_there(ray: Ray, tmp_path: Path, log: Path) -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(ray.map(Squares(tmp_path / "out", log), [-1]))


@pytest.mark.slow
def test_a_gpu_is_seen_by_who_is_given_one(cluster: Any, ray: Ray) -> None:
    for gpus, seen in ((True, "0"), (False, "")):
        assert [*Ray(address=cluster.address, gpus=gpus).map(visible_gpus, [1, 2])] == [seen, seen]


def test_few_items_are_on_their_way_at_once(ray: Ray, tmp_path: Path, log: Path) -> None:
    taken: list[int] = []
    items = (taken.append(number) or number for number in range(1000))
    with closing(ray.map(Squares(tmp_path / "out", log), items)) as results:
        next(results)
        assert len(taken) <= module.AT_LEAST + 1


def test_a_worker_of_another_version_is_refused(
    ray: Ray, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, there in (("sfsim", version("sfsim")), ("not-a-package", "none")):
        monkeypatch.setattr(module, "_versions", lambda package=package: {package: "9.9"})
        with pytest.raises(ScenarioError) as refusal:
            list(ray.map(Squares(tmp_path / "out", log), range(3)))
        said = f"the worker on {socket.gethostname()} has {package} {there}, and this machine 9.9: "
        assert str(refusal.value) == f"{said}install the same version on all machines"
    assert calls(log) == []


def test_a_worker_without_the_data_is_refused(ray: Ray, tmp_path: Path, log: Path, elsewhere: Path) -> None:
    (elsewhere / "data").touch()
    with pytest.raises(ScenarioError) as refusal:
        list(ray.map(Squares(tmp_path / "out", log), [str(elsewhere / "data")]))  # type: ignore[list-item]
    assert str(refusal.value).startswith(f"the worker on {socket.gethostname()} has no {elsewhere / 'data'}: ")
    assert calls(log) == []


def test_no_machine_that_is_large_enough_is_waited_for_in_vain(
    cluster: Any, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    monkeypatch.setattr(module, "_LOOK", 0.2)
    with pytest.raises(
        ScenarioError, match=r"^no machine of this Ray has 64 processors \(threads: 64\); the largest has 1 "
    ):
        list(Ray(threads=64, address=cluster.address).map(Squares(tmp_path / "out", log), range(3)))
