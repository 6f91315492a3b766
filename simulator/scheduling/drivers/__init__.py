"""Who waits for whom: a driver owns the loop of aggregations, one file for each; ``base`` has the contract."""
