"""The commands of `sfsim`: arguments, options and messages; the work itself is done by other packages.

Nothing imports this package, and nothing heavy is imported before a command needs it.
"""

from simulator.cli.entry import main
from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.cli.shared")

__all__ = ["main"]
