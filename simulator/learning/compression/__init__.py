"""Compressors: what is sent in place of a tensor, one file for each; ``base`` has the interface.

A compressor defines how values are encoded and how many bytes that takes. Which site encodes, is charged and sends is
in ``transport``.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
