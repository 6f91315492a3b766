"""The contract of a sampler: an Optuna sampler with a seed.

A new one is made for each suggestion, with a seed of its own, so that a search that is resumed goes on with the same
sequence. What a sampler must remember it therefore reads from the study, as all of Optuna's do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from simulator.settings.base import Settings
from simulator.settings.plugins import Plugins

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Violations = Callable[["FrozenTrial"], Sequence[float]]
"""Returns by how much a suggestion violates each constraint; at most 0 where it does not."""


class Sampler(Settings):
    """A way to suggest points.

    Attributes:
        seed: the seed of its random numbers; with one worker, the same seed gives the same suggestions.
    """

    name: ClassVar[str]
    seed: Annotated[int, Field(ge=0)] = 0

    def make(self, seed: int, violations: Violations) -> BaseSampler:
        """Return an Optuna sampler for one suggestion.

        Args:
            seed: the seed of this suggestion, below 2**32.
            violations: what tells it whether a suggestion is feasible; a sampler may ignore it.
        """
        raise NotImplementedError


SAMPLERS = Plugins("simulator.experiments.search.samplers", "Sampler", "sfsim.samplers")
