"""Signals: how the rate of a link varies in time; one file for each, with the contract in ``base``.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name. ``sampled`` has the forms that a sampled signal can take.
"""
