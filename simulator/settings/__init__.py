"""The ground floor: settings and the files they are read from, units, the wording of messages, plug-ins and seeds.

Every other package may use it. It knows nothing of simulation: it imports no other package of ours, no torch and no
simpy.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.settings.base")
