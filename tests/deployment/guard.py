"""A process that outlives a deployment which is killed, and removes what that has made.

It waits for the end of its input, which the kernel closes when the deployment ends, however it ends. A word before that
says that the deployment has removed everything itself.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Self

from filelock import FileLock, Timeout

from tests.deployment.requirements import LOCK
from tests.helpers.places import ROOT

DYING_S = 1.0
"""So long the processes of a deployment may take to die with it."""


class Guard:
    """Watches over this process from another, from the beginning to the end of the context."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.deployment.guard"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Dismiss the guard: everything is removed."""
        self._process.communicate(b"removed\n")


def main() -> None:
    """Wait for the end of the input, and remove what is left, unless another deployment has begun and does that."""
    from tests.deployment.deployment import SIGNALS, remove_leftovers

    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    if sys.stdin.read():
        return
    time.sleep(DYING_S)
    try:
        with FileLock(LOCK, timeout=0):
            remove_leftovers()
    except Timeout:
        return


if __name__ == "__main__":
    main()
