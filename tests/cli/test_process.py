"""The command line in a process of its own: what it imports, its exit status, and Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.columns import LEDGER_COLUMNS
from simulator.cli.listing import WHAT
from tests.helpers.commands import SCENARIO, files
from tests.helpers.run_folders import fabricate

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


def alone(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )


HEAVY = ("torch", "pandas", "timm", "matplotlib", "sklearn", "simpy", "numpy", "pyarrow")


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [(["--help"], (*HEAVY, "pydantic")), (["run", "--help"], HEAVY)],  # typer itself takes pydantic for arguments
)
def test_help_imports_nothing_heavy(arguments: list[str], heavy: tuple[str, ...], tmp_path: Path) -> None:
    code = f"""
import sys
from simulator.cli import main
sys.argv = ["sfsim", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("loaded:", [name for name in {heavy!r} if name in sys.modules])
"""
    done = alone(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"


WITHOUT_TORCH = ("torch", "timm", "torchvision", "sklearn", "scipy")


def test_what_only_reads_runs_or_lists_does_without_torch(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fabricate(tmp_path / name, labels=("FL",), rounds=1, devices=1, per_round=1, batches=1)
    for trial in (tmp_path / "one" / "ledger").iterdir():
        for table in ("engagements", "absences", "rounds"):  # these are not made up, and a trace wants them
            pd.DataFrame(columns=list(LEDGER_COLUMNS[table])).to_parquet(trial / f"{table}.parquet")
    commands = [
        *(["list", what] for what in WHAT if what != "models"),
        ["schema"],
        ["report", "one"],
        ["trace", "one"],
        ["compare", "one", "two"],
        ["verify", "one"],  # which finds that it is made up
    ]
    code = f"""
import sys
from analysis import style
from simulator.cli import main
style.save = lambda figure, path: path  # the pixels take long, and need nothing else
for words in {commands!r}:
    sys.argv = ["sfsim", *words]
    try:
        main()
    except SystemExit as end:
        assert (end.code or 0) == (words[0] == "verify"), (words, end.code)
    loaded = [name for name in {WITHOUT_TORCH!r} if name in sys.modules]
    assert not loaded, (words, loaded)
"""
    done = alone(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_wrong_file_is_refused_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("name: [")
    code = """
import sys
from simulator.cli import main
sys.argv = ["sfsim", "run", "wrong.yaml"]
try:
    main()
finally:
    print("loaded:", "torch" in sys.modules)
"""
    done = alone(code, tmp_path)
    assert done.returncode == 2
    assert done.stdout == "loaded: False\n"
    assert done.stderr.startswith("sfsim: wrong.yaml, line 1")


@pytest.mark.parametrize(("change", "status"), [("training.rounds=2", 0), ("training.rounds=two", 2)])
def test_the_real_command(change: str, status: int, tmp_path: Path) -> None:
    """python -m simulator, with the warnings that a user would see."""
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    command = [sys.executable, "-m", "simulator", "validate", "tiny.yaml", "--set", change]
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == status
    assert len(done.stdout.splitlines()) == (status == 0)
    assert len(done.stderr.splitlines()) == (status == 2)


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_real_run_leaves_nothing(tmp_path: Path) -> None:
    import signal
    import time

    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    command = [sys.executable, "-m", "simulator", "run", "tiny.yaml", "--set", "training.rounds=100000"]
    process = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(600):
        if (tmp_path / "runs").exists():
            break
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert files(tmp_path) == ["tiny.yaml"]
