"""What several algorithms share: cuts, split steps, pipelines, steps for many clients at once, pulls, teachers.

Nothing here can be named in a scenario.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.algorithms.steps.split_step")
