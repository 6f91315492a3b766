"""Measures: what a claim's figure is computed from. ``base`` has the contract, and each other file one measure."""
