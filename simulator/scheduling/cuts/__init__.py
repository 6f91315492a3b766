"""Cut policies: where the model is cut for each device; one file for each, with the contract in ``base``."""
