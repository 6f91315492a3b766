"""Learning rates by the round, one file for each schedule that a scenario can name; ``base`` has the contract."""

from simulator.settings.moved import former

__getattr__ = former(
    __name__,
    "simulator.learning.schedules.base",
    "simulator.learning.schedules.constant",
    "simulator.learning.schedules.cosine",
    "simulator.learning.schedules.step",
)
