"""The folder of a sweep: whose it is, and that nothing half done stays in it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from simulator.experiments.sweep.points import Trial
from simulator.settings.errors import ScenarioError
from tests.helpers.places import ROOT
from tests.helpers.small_sweeps import LEFT, Write, names, swept


def test_the_folder_of_another_sweep(write: Write, ran: list[Trial]) -> None:
    file = write(axes={"training.batch_size": [8]})
    swept(file)
    with pytest.raises(ScenarioError, match=r"scenario.training.rounds is 1 there and 2 here"):
        swept(file, "training.rounds=2")
    with pytest.raises(ScenarioError, match="dry is true there and false here"):
        swept(file, dry=False)
    kept = names(file.parent / "out" / "trials")
    folder = swept(file, "training.rounds=2", force=True)
    assert set(kept) < set(names(folder / "trials"))
    assert len(ran) == 4


def test_the_folder_of_another_version(write: Write) -> None:
    file = write(axes={"training.batch_size": [8]})
    plan = swept(file) / "sweep.yaml"
    plan.write_text(yaml.safe_dump(yaml.safe_load(plan.read_text()) | {"version": "0.0.1"}))
    with pytest.raises(ScenarioError, match=r'of another version of sfsim: version is "0.0.1" there'):
        swept(file)


def test_a_folder_that_holds_no_sweep(write: Write) -> None:
    file = write(axes={"training.batch_size": [8]})
    with pytest.raises(ScenarioError, match="exists, is not empty and holds no sweep"):
        swept(file, out=file.parent)
    with pytest.raises(ScenarioError, match="is a file"):
        swept(file, out=file)


def test_a_folder_that_is_in_use(write: Write) -> None:
    fcntl = pytest.importorskip("fcntl")
    file = write(axes={"training.batch_size": [8]})
    with (swept(file) / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ScenarioError, match="another process runs this sweep already"):
            swept(file)


def test_a_folder_whose_process_was_killed_is_free(write: Write) -> None:
    file = write(axes={"training.batch_size": [8]})
    folder = swept(file)
    script = "from pathlib import Path\nfrom simulator.settings.locks import locked\n"
    script += f"with locked(Path({str(folder / '.lock')!r}), Path(), ''):\n    print('held', flush=True)\n    input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ScenarioError, match=f"runs this sweep already, with process {holder.pid} on .*, since "):
            swept(file)
        holder.kill()
    assert swept(file) == folder


def test_what_was_left_half_done_is_gone(write: Write) -> None:
    file = write(axes={"training.batch_size": [8]})
    folder = swept(file)
    (folder / "trials" / ".0123-x").mkdir()
    (folder / ".points.csv-x").write_text("")
    swept(file)
    assert names(folder) == LEFT
    assert not [name for name in names(folder / "trials") if name.startswith(".")]
