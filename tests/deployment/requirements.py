"""What the machine must have for a real deployment, the commands it is made with, and how they fail."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.deployment.cgroups import controller

PREFIX = "sfsim-fidelity-"
"""With this begin the names of all namespaces and control groups that are made, and of no others."""
RUN = Path("/run")
"""The folder for what a deployment writes; only root writes there."""
LOCK = RUN / f"{PREFIX}lock"
"""Held by the one deployment that may be under way; the kernel frees it when its holder is killed."""


_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


class DeploymentError(RuntimeError):
    """The deployment cannot be made, or has failed; the text is one message for the user."""


def lacking() -> str | None:
    """Return what the machine lacks, as one message that says what to do; None if it lacks nothing."""
    if not sys.platform.startswith("linux"):
        return f"network namespaces and control groups are Linux's, and this is {sys.platform}: run it on Linux"
    if os.geteuid() != 0:
        return "only root can make network namespaces and control groups: run it as root, such as sudo make fidelity"
    for tool in ("ip", "tc"):
        if shutil.which(tool) is None:
            return f"there is no command {tool!r}: install iproute2, which has ip and tc"
    if controller() is None:
        return "no control group hierarchy with the cpu controller is mounted: mount cgroup2, or version 1's cpu"
    return None


def run(*words: str) -> str:
    """Run a command, and return what it prints.

    Raises:
        DeploymentError: it fails; the message has its first words of complaint.
    """
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
        raise DeploymentError(f"{' '.join(words)}: {complaint}")
    return done.stdout


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that started it ends, however it ends.

    It is called between fork and exec: what is asked for here stays when another program is run.

    Args:
        parent: the id of the process that started this one.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        raise SystemExit(1)
