"""One seed, many independent random streams, each found by what it is for.

A stream is keyed by purpose, round, client and step, and never shared: what one part of a run draws cannot shift what
another draws, so algorithms can be compared on the same partition, cohorts and batches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

Key = str | int


@dataclass(frozen=True, slots=True)
class Seeds:
    """The random streams of one trial.

    >>> Seeds(0).integer("cohort", 1) == Seeds(0).integer("cohort", 1)
    True
    >>> Seeds(0).integer("cohort", 1) == Seeds(0).integer("cohort", 2)
    False
    """

    seed: int

    def integer(self, *key: Key) -> int:
        """A number in [0, 2**63) that depends on the seed and the key alone; equal on every machine."""
        digest = hashlib.blake2b(repr((self.seed, *key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def stream(self, *key: Key) -> np.random.Generator:
        """A fresh generator for this purpose."""
        return np.random.default_rng(self.integer(*key))
