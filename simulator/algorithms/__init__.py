"""Training algorithms, one file for each that a scenario can name; ``base`` holds the contract.

Building blocks that several algorithms share are in ``steps``. An algorithm defines what clients and the server compute
and send, never how long that takes or which clients are selected.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.

The ``synchronous`` driver calls ``begin`` before the first round, then in each round ``client`` for each client and
``aggregate`` for their updates. An ``OwnOrder`` orders its round itself: its ``round`` is called instead of these two.
"""
