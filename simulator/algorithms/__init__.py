"""Training algorithms, one file for each that a scenario can name; ``base`` holds the contract.

Building blocks that several algorithms share are in ``steps``. An algorithm defines what clients and the server compute
and send, never how long that takes or which clients are selected.
"""
