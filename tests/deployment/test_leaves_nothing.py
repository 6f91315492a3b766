"""A real deployment leaves no namespace, control group or process behind, however it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.deployment import cgroups, namespaces
from tests.deployment.requirements import PREFIX, lacking
from tests.helpers.places import ROOT

COMMAND = [sys.executable, "-m", "tests.deployment"]
PATIENCE = 120.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(lacking() is not None, reason=str(lacking()))]


def left() -> tuple[list[str], list[str], list[str]]:
    """The namespaces, the control groups, and the processes in either, of deployments."""
    at, spaces = cgroups.controller(), namespaces.leftovers()
    assert at is not None
    groups = list(cgroups.leftovers(at, PREFIX))
    inside = [pid for group in groups for pid in (group / "cgroup.procs").read_text().split()]
    found = [subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True).stdout for space in spaces]
    return spaces, [str(group) for group in groups], inside + " ".join(found).split()


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, left()
        time.sleep(0.05)


def test_nothing_is_left_behind_whatever_ends_it() -> None:
    """One after the other: there can be one deployment at a time."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL) as deployment:
            until(lambda: len(left()[2]) == 5)  # a process for each device, and one for the server
            deployment.send_signal(number)
        if number == signal.SIGKILL:
            until(lambda: not left()[2])  # nobody was there to end them
            assert left()[0], "or --clean would have nothing to do"
            assert subprocess.run([*COMMAND, "--clean"], cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
        else:
            assert deployment.returncode == 128 + number
        assert left() == ([], [], [])
