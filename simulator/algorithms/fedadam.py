"""FedAdam: FedAvg with Adam at the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

from simulator.algorithms.steps.server_optimizer import FedOpt, Moments
from simulator.settings.bounds import LearningRate, PositiveFactor


class FedAdam(FedOpt):
    """FedAdam (Reddi et al., 2021, Algorithm 2): ``m = beta1 m + (1 - beta1) change``, ``v = beta2 v + (1 - beta2)
    change^2``, and the step is ``m / (sqrt(v) + tau)``; no bias correction, and ``v`` starts at ``tau^2``.

    Attributes:
        beta1: the decay of the first moment ``m``.
        beta2: the decay of the second moment ``v``.
        tau: the degree of adaptivity: the larger it is, the less the step adapts to the size of past changes.
    """

    name: ClassVar[str] = "fedadam"
    server_learning_rate: LearningRate = 0.01
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.99, ge=0, lt=1)
    tau: PositiveFactor = 1e-3
    copies: ClassVar[int] = 2

    def move(self, change: Tensor, slots: Moments) -> Tensor:
        mean = slots.get("mean", change.new_zeros(change.shape))
        square = slots.get("square", change.new_full(change.shape, self.tau**2))
        slots["mean"] = mean.mul(self.beta1).add_(change, alpha=1 - self.beta1)
        slots["square"] = self.second_moment(square, change.square())
        return slots["mean"] / (slots["square"].sqrt() + self.tau)

    def second_moment(self, square: Tensor, now: Tensor) -> Tensor:
        """Return a tensor's next second moment.

        Args:
            square: the previous second moment, of the tensor's shape.
            now: the square of the current change, of the same shape.
        """
        return square.mul(self.beta2).add_(now, alpha=1 - self.beta2)
