"""FedAvgM: FedAvg with momentum at the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

from simulator.algorithms.steps.server_optimizer import FedOpt, Moments


class FedAvgM(FedOpt):
    """FedAvgM, server momentum (Hsu et al., 2019, section 4.3): ``v = momentum v + change``, and the step is ``v``.

    Attributes:
        momentum: the share of ``v`` that is kept from one aggregation to the next; 0 is FedAvg with a server learning
            rate.
    """

    name: ClassVar[str] = "fedavgm"
    momentum: float = Field(0.9, ge=0, lt=1)
    copies: ClassVar[int] = 1

    def move(self, change: Tensor, slots: Moments) -> Tensor:
        previous = slots.get("velocity")
        slots["velocity"] = change if previous is None else previous.mul(self.momentum).add_(change)
        return slots["velocity"]
