"""Compressors: what is sent in place of a tensor, one file for each; ``base`` has the interface.

A compressor defines how values are encoded and how many bytes that takes. Which site encodes, is charged and sends is
in ``transport``.
"""
