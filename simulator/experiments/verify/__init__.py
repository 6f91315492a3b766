"""Whether the folder of a run is sound: its files, the laws of its ledgers, and what its tables and report say."""
