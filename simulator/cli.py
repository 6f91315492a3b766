"""The command line. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import signal

from simulator.commands import execute, look, planning, prepare, reporting
from simulator.commands.shared import app, refuse, stopped

__all__ = ["app", "execute", "look", "main", "planning", "prepare", "reporting"]


def main() -> None:
    """The entry point: a mistake of the user's is one message on stderr and exit status 2."""
    from simulator.scenario_source import ScenarioError

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
