"""Client selection: which clients take part in a round; one file for each policy, with the contract in ``base``."""
