"""A trial, which is one algorithm of a scenario with one seed: choose its cuts, build it, simulate it, keep its result.

The checks before a trial are here too: whether it is valid, whether it fits into memory, and where the model is cut.
"""
