"""FedYogi: FedAdam with a different second moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

from simulator.algorithms.fedadam import FedAdam


class FedYogi(FedAdam):
    """FedYogi (Reddi et al., 2021, Algorithm 2): FedAdam with ``v = v - (1 - beta2) change^2 sign(v - change^2)``."""

    name: ClassVar[str] = "fedyogi"

    def second_moment(self, square: Tensor, now: Tensor) -> Tensor:
        return square - (1 - self.beta2) * now * (square - now).sign()
