"""Install the lowest versions that `pyproject.toml` allows into an environment of its own, and run tests with them.

usage: python -m tests.lowest [FOLDER]; without a folder the environment is `.venv-lowest`, and is kept for next time
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.places import ROOT
from tests.lowest.pins import pins

SELECTED = ("tests/settings", "tests/learning", "tests/analysis", "tests/cli", "tests/test_quickstart.py")
SELECTED += ("tests/scenario/test_models.py", "tests/scenario/test_data.py", "tests/scenario/test_text_data.py")
SELECTED += ("tests/experiments/run", "tests/experiments/search", "tests/experiments/executors")
SELECTED += ("tests/experiments/trial/test_trial.py", "tests/experiments/trial/test_checkpoints.py")
"""What shows whether a version is too old: where libraries are called, and what comes together in a command.

The clock, the ledgers and the algorithms call none but PyTorch and SimPy, and are run by all of these.
"""
LEFT_OUT = ("browser", "selenium", "notebook")
LEFT_OUT += ("imports_nothing_heavy", "does_without_torch", "before_torch_is_loaded")
"""Tests by parts of their names: of more packages, and of commands that must not even warn, as early typer does."""


def main(folder: Path) -> int:
    """Set the environment up, if the pins have changed since, and run the tests; return their exit status."""
    python, stamp = folder / "bin" / "python", folder / "pins.txt"
    wanted = "\n".join(pins(ROOT / "pyproject.toml")) + "\n"
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        print(f"Setting up {folder} with the lowest versions: several GB, and some minutes", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted.split()], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", ROOT], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", " and ".join(f"not {w}" for w in LEFT_OUT)]
    for warning in ("DeprecationWarning", "ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
        tests += ["-W", f"ignore::{warning}"]  # of old packages, used by what is newer than they are
    return subprocess.run([*tests, *SELECTED], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-lowest"))
