"""Optimizers, one file for each rule that a scenario can name; ``base`` has the interface."""

from simulator.settings.moved import former

__getattr__ = former(
    __name__,
    "simulator.learning.optimizers.base",
    "simulator.learning.optimizers.sgd",
    "simulator.learning.optimizers.adamw",
)
