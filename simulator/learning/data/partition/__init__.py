"""How samples are dealt to clients, one file for each way that a scenario can name; ``base`` has the contract."""
