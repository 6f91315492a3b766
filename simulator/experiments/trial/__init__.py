"""One scenario, one algorithm, one seed: build it, choose its cuts, simulate it, and what is left of it.

What must be known before a trial is run (whether it is valid, fits into memory, where to cut) is here too.
"""
