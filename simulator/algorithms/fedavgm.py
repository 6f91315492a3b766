"""FedAvgM: FedAvg with momentum at the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

from simulator.algorithms.steps.server_optimizer import FedOpt, Moments


class FedAvgM(FedOpt):
    """Server momentum (Hsu et al., 2019, section 4.3): ``v = momentum v + change``, the step is ``v``."""

    name: ClassVar[str] = "fedavgm"
    momentum: float = Field(0.9, ge=0, lt=1)
    copies: ClassVar[int] = 1

    def move(self, change: Tensor, slots: Moments) -> Tensor:
        before = slots.get("velocity")
        slots["velocity"] = change if before is None else before.mul(self.momentum).add_(change)
        return slots["velocity"]
