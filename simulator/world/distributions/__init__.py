"""Distributions of the figures of devices, one file for each that a scenario can name; ``base`` has the interface.

To add one, put its class into a new file here that is named after the class's ``name``.
"""
