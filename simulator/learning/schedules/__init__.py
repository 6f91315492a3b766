"""Learning-rate schedules by round, one file for each that a scenario can name; ``base`` has the interface."""

from simulator.settings.moved import former

__getattr__ = former(
    __name__,
    "simulator.learning.schedules.base",
    "simulator.learning.schedules.constant",
    "simulator.learning.schedules.cosine",
    "simulator.learning.schedules.step",
)
