"""Staleness weights: how much an update counts that started from an older state; one file for each, ``base`` has the
contract.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
