"""Points at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.experiments.search.samplers.base import Sampler, Violations

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Random(Sampler):
    """Points drawn at random, each independently of all others: what other samplers have to beat."""

    name: ClassVar[str] = "random"

    def make(self, seed: int, violations: Violations) -> BaseSampler:
        """Return the sampler; it looks at no earlier suggestion."""
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)
