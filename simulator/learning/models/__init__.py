"""A model as a list of stages, its weights, parts of it, and one batch's way through a part.

How a model is built, loaded and adapted belongs here; what is trained with it, and in which order, does not.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.models.build")
