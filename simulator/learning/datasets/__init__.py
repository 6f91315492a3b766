"""Data sets a scenario can name: one file each, or one for those that are alike; `base` holds the contract."""
