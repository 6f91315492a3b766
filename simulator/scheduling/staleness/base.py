"""The contract of a staleness weight: how much an update counts that started from an older state."""

from __future__ import annotations

from typing import ClassVar

from simulator.settings.base import Settings


class Staleness(Settings):
    """The weight of an update as a function of its staleness."""

    name: ClassVar[str]

    def weight(self, staleness: int) -> float:
        """Return the weight, in (0, 1]; 1 for an update that is not stale.

        Args:
            staleness: how many aggregations took place since the state that the update started from.
        """
        raise NotImplementedError
