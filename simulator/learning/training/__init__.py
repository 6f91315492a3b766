"""Computations on weights and batches beyond a plain step: averages, proximal terms, alignment, mixed batches, caches.

Each of them is a work that declares its cost. ``algorithms`` decides in which order they are used.
"""
