"""Commands that are killed at random moments: nothing is lost, doubled or half-written, and no process is left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from pyarrow import parquet

from tests.helpers.places import ROOT

MARK = "SFSIM_TEST_MARK"
"""A variable of the environment by which the processes of a command are recognised."""


def kill_forked(start: Callable[[], object], kills: int, longest: float, seed: int, check: Callable[[], None]) -> int:
    """Start something again and again in forks of this process, kill each at a random moment, and check what is left.

    Args:
        start: what is started; it goes on with what an earlier start has left.
        kills: how often.
        longest: seconds after which a fork is killed at the latest, unless it ends before.
        seed: of the moments.
        check: called after each kill.

    Returns:
        How many were killed before they ended.
    """
    moments, killed = random.Random(seed), 0
    for _ in range(kills):
        child = fork(start)
        time.sleep(moments.random() * longest)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        check()
    return killed


def kill_between(
    start: Callable[[], object], trials: Path, kills: int, most: int, longest: float, seed: int
) -> list[tuple[int, bool]]:
    """Start something again and again in forks of this process, and kill each some trials later.

    Args:
        start: what is started; it goes on with what an earlier start has left.
        trials: the folder in which it leaves a folder for each trial.
        kills: how often.
        most: after how many more trials at most each is killed; at least one.
        longest: seconds that it still has after these, at most.
        seed: of the moments.

    Returns:
        For each, how many trials there are, and whether it was killed before it ended.
    """
    moments, done = random.Random(seed), []

    def there() -> int:
        return sum(place.name[0] != "." for place in trials.glob("*"))

    for _ in range(kills):
        wanted = there() + moments.randint(1, most)
        child = fork(start)
        while there() < wanted:
            time.sleep(moments.random() / 1000)
        time.sleep(moments.random() * longest)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        done.append((there(), os.WIFSIGNALED(status)))
    return done


def fork(start: Callable[[], object]) -> int:
    """Start something in a fork of this process, where nobody reads what it prints, and return its number."""
    child = os.fork()
    if not child:
        try:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1)
            os.dup2(devnull, 2)
            start()
        finally:
            os._exit(0)
    return child


def kill_command(arguments: Sequence[str], seconds: float, folder: Path) -> bool:
    """Start ``sfsim`` with arguments, kill it after some seconds, and wait for the end of the processes it started.

    Args:
        arguments: the arguments.
        seconds: how long it may run.
        folder: where it is started.

    Returns:
        Whether it was killed before it ended.

    Raises:
        AssertionError: a process is left after 10 seconds.
    """
    mark = uuid.uuid4().hex
    environment = os.environ | {MARK: mark, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "simulator", *arguments]
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        killed = process.wait() == -signal.SIGKILL
    until = time.monotonic() + 10
    while left := marked(mark):
        assert time.monotonic() < until, f"processes are left: {left}"
        time.sleep(0.1)
    return killed


def marked(mark: str) -> list[str]:
    """Return the command lines of the processes that were started with a mark."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it is gone, or another user's
            continue
    return found


def check_whole(folder: Path) -> None:
    """Check that every file that a folder shows is whole."""
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".parquet":
            parquet.read_table(path)
        elif path.suffix in (".csv", ".html"):
            assert path.read_bytes().endswith(b"\n"), path
