"""Partitions of samples among clients, one file for each that a scenario can name; ``base`` has the interface."""
