"""Scheduling: which clients take part, what waits for what, which work is served next, and where models are cut.

Each family of policies is a package with its contract in ``base`` and one file for each policy. Algorithms are known
only by their contract.
"""
