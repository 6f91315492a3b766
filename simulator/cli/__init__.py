"""The commands of `sfsim`: arguments, options and messages; the work itself is done by other packages.

Nothing imports this package, and nothing heavy is imported before a command needs it.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.cli.shared")

__all__ = ["main"]


def main() -> None:
    """Run `sfsim`. A user's mistake gives one message on stderr and exit status 2."""
    try:
        from simulator.settings import interrupts

        interrupts.install()  # before all imports that take time, which somebody may want to stop
        from simulator.cli import entry

        try:
            entry.main()
        finally:
            interrupts.over()
    except KeyboardInterrupt:
        from simulator.settings.interrupts import say_stopped

        say_stopped()
