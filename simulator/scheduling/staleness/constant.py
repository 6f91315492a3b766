"""The constant staleness weight: stale updates count in full."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.staleness.base import Staleness


class Constant(Staleness):
    """The weight 1, however stale an update is (Xie et al., 2019, section 5.2)."""

    name: ClassVar[str] = "constant"

    def weight(self, staleness: int) -> float:
        return 1.0
