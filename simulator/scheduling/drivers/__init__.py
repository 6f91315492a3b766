"""Drivers, each of which owns the loop of aggregations; one file for each, with the contract in ``base``.

A driver decides which clients train when, and when their updates are aggregated. An ``OwnOrder`` (``algorithms.base``)
is an algorithm that orders its own round and need not have a ``client`` method. Every driver has to handle it:
``synchronous`` calls its ``round`` with the cohort.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
