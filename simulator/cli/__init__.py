"""The commands of `sfsim`: arguments, options and messages; the work itself is done by other packages.

Nothing imports this package, and nothing heavy is imported before a command needs it.
"""

from simulator.cli.entry import main

__all__ = ["main"]
