"""What accounting does with whole columns of a ledger's tables, as NumPy arrays: sums over millions of rows.

Nothing here is imported before a trial is over: the simulation itself needs no NumPy.
"""
