"""Computations on weights and batches beside plain steps: averages, pulls, alignment, mixed batches, caches.

Each is a work with its price. The order in which an algorithm uses them is in ``algorithms``.
"""
