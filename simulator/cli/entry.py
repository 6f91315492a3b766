"""The entry point of `sfsim`: all its commands, and what becomes of a mistake. Nothing heavy is imported here."""

from __future__ import annotations

import os
import signal

from simulator.cli import inspect, plan, prepare, report, run
from simulator.cli.shared import app, refuse, stopped

__all__ = ["app", "inspect", "main", "plan", "prepare", "report", "run"]


def main() -> None:
    """The entry point: a mistake of the user's is one message on stderr and exit status 2."""
    from simulator.settings.errors import ScenarioError

    # Before torch is loaded: threads that soon stop spinning leave the core to others. Beside a busy program a run took
    # several times as long without it.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it cleans up as after Ctrl-C
    try:
        app()
    except ScenarioError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        stopped()
