"""Independent random streams derived from one seed, each found by what it is used for.

A stream is keyed by purpose, round, client and step, and never shared. What one part of a run draws cannot shift what
another part draws, so algorithms can be compared on the same partition, cohorts and batches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

Key = str | int


@dataclass(frozen=True, slots=True)
class Seeds:
    """The random streams of one trial, all derived from ``seed``.

    >>> Seeds(0).integer("cohort", 1) == Seeds(0).integer("cohort", 1)
    True
    >>> Seeds(0).integer("cohort", 1) == Seeds(0).integer("cohort", 2)
    False
    """

    seed: int

    def integer(self, *key: Key) -> int:
        """Return a number in [0, 2**63) that depends only on the seed and the key, and is the same on every machine."""
        digest = hashlib.blake2b(repr((self.seed, *key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def stream(self, *key: Key) -> np.random.Generator:
        """Return a new generator for the stream with this key."""
        return np.random.default_rng(self.integer(*key))
