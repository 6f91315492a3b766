"""Building blocks that several algorithms share: cuts, split steps, pipelines, proximal terms, server optimizers.

Nothing here can be named in a scenario.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.algorithms.steps.split_step")
