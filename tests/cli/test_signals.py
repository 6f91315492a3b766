"""Signals that ask to stop: none is lost while libraries are imported, and each ends the command in the same way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.commands import SCENARIO, files

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY = """
import sys
from simulator.settings import interrupts
interrupts.install()
print("ready", flush=True)
from simulator.cli import main
sys.argv = ["sfsim", *{words!r}]
main()
"""
SWALLOWS = """
import time
ended = False
try:
    print("within", flush=True)
    for _ in range(100):
        time.sleep(0.01)
except:
    print("lost", flush=True)
ended = True
"""
CLEANS_UP = """
import sys
from simulator.settings import interrupts
interrupts.install()
{before}
try:
    import swallows
    import time
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted", swallows.ended, flush=True)
    raise SystemExit(3)
"""
IN_A_CALLBACK = """
import os, signal, time
from simulator.settings import interrupts
interrupts.install()

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            pass

try:
    Dying()
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""


def stopped_at(moment: float, number: signal.Signals, words: list[str], folder: Path) -> tuple[int, str]:
    """Send a signal so many seconds after the command is ready for it; return the exit status, and standard error."""
    with subprocess.Popen(
        [sys.executable, "-c", READY.format(words=words)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moment)
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    return process.returncode, err


def check_starts(tries: int, most_seconds: float, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(SCENARIO)
    chosen = random.Random(0)
    for number in range(tries):
        moment = chosen.random() * most_seconds
        ended = stopped_at(moment, SIGNALS[number % 3], ["validate", "tiny.yaml"], folder)
        assert ended == (130, "sfsim: stopped; nothing was written\n"), (moment, SIGNALS[number % 3])
    assert files(folder) == ["tiny.yaml"]


def test_stopped_while_it_starts(tmp_path: Path) -> None:
    check_starts(5, 0.6, tmp_path)


@pytest.mark.slow
def test_stopped_while_it_starts_many_times(tmp_path: Path) -> None:
    check_starts(250, 1.0, tmp_path)


def wait_within(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script that imports the module ``swallows``, and interrupt it within that import."""
    (folder / "swallows.py").write_text(SWALLOWS)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "within\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_within_an_import_a_command_that_has_written_nothing_ends_at_once(tmp_path: Path) -> None:
    done = wait_within(CLEANS_UP.format(before=""), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "sfsim: stopped; nothing was written\n")


def test_one_that_has_written_is_interrupted_after_the_import(tmp_path: Path) -> None:
    done = wait_within(CLEANS_UP.format(before="interrupts.wrote()"), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "interrupted True\n", "")


def test_an_interrupt_that_a_callback_drops_comes_again() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_CALLBACK], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """As SIGHUP is under nohup."""
    code = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from simulator.settings import interrupts
interrupts.install()
os.kill(os.getpid(), signal.SIGHUP)
print("goes on")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("goes on\n", "")
