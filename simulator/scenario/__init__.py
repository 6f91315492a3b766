"""The YAML that a user writes: the scenario, its world, the hardware catalogue, overrides, and the schema.

It validates and completes what a file says, and runs nothing.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.scenario.scenario")
