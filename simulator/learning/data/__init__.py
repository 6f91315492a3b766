"""Images and their labels, batches that are not yet looked up, and how samples are dealt to clients.

Nothing here knows a model. Where data come from is one file each in ``datasets``, how they are dealt in ``partition``.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.data.images")
