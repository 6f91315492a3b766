"""The commands of `sfsim`, each of them thin: words and options here, what they do elsewhere.

Nothing imports this room, and nothing heavy is imported before a command needs it.
"""

from simulator.cli.entry import main

__all__ = ["main"]
