"""Which waiting work a site serves next, one file for each discipline; ``base`` has the contract."""
