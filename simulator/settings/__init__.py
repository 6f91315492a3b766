"""The ground floor: settings and the files that they are read from, units, words, plug-ins, seeds.

What every room may use and what knows nothing of simulating: it imports no other room, no torch and no simpy.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.settings.base")
