"""Trials on a real Ray: what they learn is what they learn here, in sweeps and in runs, whatever is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.executors.ray import Ray
from simulator.settings.plugin_files import load_file
from tests.helpers.commands import Sfsim
from tests.helpers.far_away import alive, calls, eventually
from tests.helpers.kills import MARK, check_whole, kill_command, marked
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import FIRST, plugin_folder

DEADLY = FIRST.replace(
    "        return",
    """\
        import os, signal
        from pathlib import Path
        if round == 2:
            try:
                Path("killed").touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return""",
)
"""Kills its process once, in the second round."""
SLEEPERS = """\
import sys
import uuid
from pathlib import Path
from simulator.experiments.executors.ray import Ray
from tests.helpers.far_away import Squares

out, log, address = sys.argv[1:]
list(Ray(2, address=address or None).map(Squares(Path(out), Path(log), seconds=60.0), range(1, 9)))
"""
NEVER = {"wall_time_s"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from plugin_folder(tmp_path, monkeypatch)


def results(folder: Path) -> dict[str, Any]:
    """Everything that a folder's trials say, but for the seconds that they took."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "summary.json":
            summary = json.loads(path.read_text())
            trials = [{key: trial[key] for key in trial if key not in NEVER} for trial in summary["trials"]]
            found[name] = summary | {"trials": trials}
        elif path.suffix in (".csv", ".parquet"):
            found[name] = path.read_bytes()
    return found


@pytest.mark.slow
def test_a_sweep_whose_worker_is_killed_ends_with_the_digits_of_this_machine(
    ray: Ray, sfsim: Sfsim, tmp_path: Path
) -> None:
    """Its plug-in travels to workers, one of which is killed within a trial."""
    Path("mine.py").write_text(DEADLY)
    load_file("mine.py")
    words = ["sweep", "sweep.yaml", "--no-ledger", "--workers", 2, "--out"]
    assert sfsim(*words, "there", "--executor", "ray")[::2] == (0, "")
    assert Path("killed").exists(), "or this test tests nothing"
    assert sfsim(*words, "here", "--workers", 1)[::2] == (0, "")
    assert results(Path("there")) == results(Path("here"))
    assert len(list(Path("there/trials").iterdir())) == 2
    assert sorted(os.listdir("there")) == sorted(os.listdir("here"))


@pytest.mark.slow
def test_a_run_ends_with_the_files_and_digits_of_this_machine(ray: Ray, sfsim: Sfsim) -> None:
    load_file("mine.py")
    words = ["run", "tiny.yaml", "--set", "seeds=[0, 1]", "--out"]
    assert sfsim(*words, "here", "--jobs", 1)[::2] == (0, "")
    assert sfsim(*words, "there", "--executor", "ray")[::2] == (0, "")
    assert results(Path("there")) == results(Path("here"))
    assert sorted(os.listdir("there")) == sorted(os.listdir("here"))


def test_a_run_on_workers_that_do_not_share_its_folder_is_the_same(
    ray: Ray, sfsim: Sfsim, elsewhere: Path, tmp_path: Path
) -> None:
    load_file("mine.py")
    words = ["run", "tiny.yaml", "--dry", "--set", "seeds=[0, 1]", "--out"]
    assert sfsim(*words, "here")[::2] == (0, "")
    assert sfsim(*words, elsewhere / "there", "--executor", "ray")[::2] == (0, "")
    assert results(tmp_path / "there") == results(tmp_path / "here")
    assert sorted(os.listdir("there")) == sorted(os.listdir("here"))


SEARCH = """\
name: s
scenario: tiny.yaml
space: {training.rounds: [1, 2]}
objectives: [{minimise: sim_time_s}]
"""


@pytest.mark.slow
def test_a_search_on_workers_that_do_not_share_its_folder_ends_at_the_first_point(
    ray: Ray, sfsim: Sfsim, elsewhere: Path, tmp_path: Path
) -> None:
    load_file("mine.py")
    Path("search.yaml").write_text(SEARCH)
    words = ["search", "search.yaml", "--dry", "--out", elsewhere / "there", "--executor", "ray"]
    status, _, err = sfsim(*words)
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith(f"sfsim: {elsewhere / 'there'} is not the same folder for all workers")
    assert list((tmp_path / "there/trials").iterdir()) == []


@pytest.mark.parametrize(
    "own", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["a cluster", "a Ray of its own"]
)
def test_nothing_goes_on_when_the_process_that_waits_is_killed(
    own: bool, cluster: Any, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    words = [str(tmp_path / "out"), str(log), "" if own else cluster.address]
    waiting = subprocess.Popen([sys.executable, "-c", SLEEPERS, *words])
    assert eventually(lambda: bool(calls(log)), 120)
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    processes = {process for _, process in calls(log)}
    assert eventually(lambda: not any(map(alive, processes)))
    assert eventually(lambda: not marked(mark))
    assert not (tmp_path / "out/squares").exists()


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True], ids=["a cluster", "a Ray of its own"])
def test_a_sweep_that_is_killed_again_and_again_loses_nothing(own: bool, cluster: Any, tmp_path: Path) -> None:
    rates = "world.devices.*.uplink.rate={log: [1 Mbit/s, 100 Mbit/s], points: 300}"
    words = ["sweep", "tiny.yaml", "--plugin", "mine.py", "--axis", rates, "--dry", "--workers", "2", "--out"]
    there = [*words, "there", "--executor", "ray", *([] if own else ["--address", cluster.address])]
    kills = sum(kill_command(there, 5 + step, tmp_path) for step in range(15))
    check_whole(tmp_path / "there")
    assert kills > 5, "or this test tests little"
    for command in (there, [*words, "here"]):
        assert not kill_command(command, 600, tmp_path)
    assert results(tmp_path / "there/trials") == results(tmp_path / "here/trials")
    assert len(list((tmp_path / "there/trials").iterdir())) == 300
    assert (tmp_path / "there/points.csv").read_text() == (tmp_path / "here/points.csv").read_text()
    assert sorted(os.listdir(tmp_path / "there")) == sorted(os.listdir(tmp_path / "here"))
