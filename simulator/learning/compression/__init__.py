"""Codecs: what is sent of a tensor instead of the tensor, one file for each; ``base`` has the contract.

Only what becomes of values and how many bytes they are. Who encodes, pays and sends is in ``transport``.
"""
