"""What happens to a payload on its way: counted and rounded by the wire, encoded and decoded by channels.

Here learning and world meet, so that neither knows the other. Codecs themselves are in ``learning.compression``.
"""
