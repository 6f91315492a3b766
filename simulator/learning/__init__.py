"""Staged models, data, local training, compression and evaluation, in plain PyTorch.

So far all models and data are of images: a model takes an image and returns a score for each class.

Nothing here knows the simulated clock or the machine that it runs on: this package imports neither SimPy nor
``simulator.world``. A computation declares its cost (``accounting.costs``); which site performs it, and when, is
decided elsewhere.
"""
