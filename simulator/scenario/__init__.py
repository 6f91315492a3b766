"""The YAML that a user writes: the scenario, its world, the hardware catalogue, overrides, and the JSON Schema.

It validates a file and fills in what the file leaves out, and runs nothing.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.scenario.scenario", "simulator.learning.settings")
