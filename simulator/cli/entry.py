"""The entry point of `sfsim`: registers all commands and reports a user's mistakes. Nothing heavy is imported here."""

from __future__ import annotations

import os
import signal

from simulator.cli import claims, extend, fidelity, init, inspect, plan, prepare, report, run, search
from simulator.cli.help import arrange
from simulator.cli.shared import app, refuse, stopped

__all__ = [
    "app",
    "claims",
    "extend",
    "fidelity",
    "init",
    "inspect",
    "main",
    "plan",
    "prepare",
    "report",
    "run",
    "search",
]

arrange(app)


def main() -> None:
    """Run `sfsim`. A user's mistake gives one message on stderr and exit status 2."""
    from simulator.settings.errors import ScenarioError

    # Set before torch is loaded: OpenMP threads that soon stop spinning leave the core to others. Without it, a run
    # beside a busy program took several times as long.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM cleans up as Ctrl-C does
    try:
        app()
    except ScenarioError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        stopped()
    except Exception as error:  # in a plug-in of the user's: its own lines are enough
        from simulator.settings.plugin_files import own_lines

        if own := own_lines(error):
            refuse(own)
        raise
