"""Optimizers, one file for each rule that a scenario can name; ``base`` has the interface.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""

from simulator.settings.moved import former

__getattr__ = former(
    __name__,
    "simulator.learning.optimizers.base",
    "simulator.learning.optimizers.sgd",
    "simulator.learning.optimizers.adamw",
)
