"""Images with labels, lazy batches of them, and their partition among clients.

Nothing here knows a model. Each source of data has a file in ``datasets``, each way to partition them one in
``partition``.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.data.images", "simulator.learning.data.shards")
