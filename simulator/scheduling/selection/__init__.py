"""Which clients take part in a round, one file for each policy; ``base`` has the contract."""
