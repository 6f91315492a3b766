"""The non-dominated sorting genetic algorithm."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from simulator.experiments.search.samplers.base import Sampler, Violations

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Nsga2(Sampler):
    """NSGA-II (Deb et al., 2002), a genetic algorithm for several objectives: generations of points, each crossed from
    those of the last that few others dominate.

    Attributes:
        population: how many points a generation has; the first one is drawn at random.
    """

    name: ClassVar[str] = "nsga2"
    population: Annotated[int, Field(ge=2)] = 20

    def make(self, seed: int, violations: Violations) -> BaseSampler:
        """Return the sampler; a suggestion that violates less dominates one that violates more."""
        from optuna.samplers import NSGAIISampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constraints are experimental in Optuna 4, and told otherwise in 5
            return NSGAIISampler(population_size=self.population, seed=seed, constraints_func=violations)
