"""A real deployment leaves no namespace, control group or process behind, however it ends."""

import os
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
        if number != signal.SIGKILL:
            assert deployment.returncode == 128 + number
            assert left() == ([], [], [])
        until(lambda: left() == ([], [], []))  # after SIGKILL, the guard removes all of it


def test_a_site_that_dies_is_one_message_and_nothing_is_left() -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as deployment:
        until(lambda: len(left()[2]) == 10)  # all have loaded: each is in its namespace and in its control group
        os.kill(int(left()[2][0]), signal.SIGKILL)
        _, message = deployment.communicate()
    assert deployment.returncode == 2
    assert message.startswith("fidelity: the deployment failed")
    assert left() == ([], [], [])
