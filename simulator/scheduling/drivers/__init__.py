"""Drivers, each of which owns the loop of aggregations; one file for each, with the contract in ``base``."""
