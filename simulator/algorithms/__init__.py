"""Ways of training together, one file for each that a scenario can name; ``base`` has the contract.

What several share is in ``steps``. An algorithm says what clients and server do and send, never how long it takes
nor who is chosen.
"""
