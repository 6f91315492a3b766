"""The entry point of `sfsim`: registers all commands and reports a user's mistakes. Nothing heavy is imported here."""

from __future__ import annotations

import os

from simulator.cli import claims, extend, fidelity, init, inspect, keep, plan, prepare, report, run, search, track
from simulator.cli.help import arrange
from simulator.cli.shared import app, refuse, stopped
from simulator.cli.streams import standard_streams
from simulator.settings import interrupts

__all__ = [
    "app",
    "claims",
    "extend",
    "fidelity",
    "init",
    "inspect",
    "keep",
    "main",
    "plan",
    "prepare",
    "report",
    "run",
    "search",
    "track",
]

arrange(app)


def main() -> None:
    """Run `sfsim`, in a process that ``interrupts.install`` has prepared."""
    from simulator.settings.disk import is_a_users, told
    from simulator.settings.errors import ScenarioError

    # Set before torch is loaded: OpenMP threads that soon stop spinning leave the core to others. Without it, a run
    # beside a busy program took several times as long.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    with standard_streams():
        try:
            app()
        except ScenarioError as error:
            refuse(str(error))
        except KeyboardInterrupt:
            stopped()
        except Exception as error:
            from simulator.settings.plugin_files import own_lines

            if interrupts.asked():  # what came of it, in a library that made something else of the interrupt
                stopped()
            if isinstance(error, OSError) and is_a_users(error):
                refuse(told(error))
            if own := own_lines(error):  # in a plug-in of the user's: its own lines are enough
                refuse(own)
            raise
