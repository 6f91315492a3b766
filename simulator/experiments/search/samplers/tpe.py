"""The tree-structured Parzen estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from simulator.experiments.search.samplers.base import Sampler, Violations

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Tpe(Sampler):
    """The tree-structured Parzen estimator (Bergstra et al., 2011): points that are likelier among the good ones than
    among the others. With several objectives, the good ones are those that few others dominate (Ozaki et al., 2022).

    Attributes:
        first: how many points are drawn at random before the estimator takes over.
    """

    name: ClassVar[str] = "tpe"
    first: Annotated[int, Field(ge=1)] = 10

    def make(self, seed: int, violations: Violations) -> BaseSampler:
        """Return the sampler; suggestions that violate a constraint are among the others."""
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constraints are experimental in Optuna 4, and told otherwise in 5
            return TPESampler(
                n_startup_trials=self.first,
                seed=seed,
                constant_liar=True,
                multivariate=True,
                constraints_func=violations,
            )
