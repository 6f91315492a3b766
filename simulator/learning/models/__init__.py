"""Models as lists of stages: their weights, their parts, and the passes of batches through a part.

How a model is built, loaded and adapted belongs here. Which data it is trained on, and in which order, does not.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.models.build")
