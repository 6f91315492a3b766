"""The class of a sample."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from simulator.learning.objectives.base import Objective


class Classification(Objective):
    """Predict the class of a sample: logits [N, C], labels int64 [N]."""

    name: ClassVar[str] = "classification"

    def counted(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return logits, y

    def errors(self, logits: Tensor, y: Tensor) -> Tensor:
        error = logits.softmax(dim=-1)
        error[torch.arange(len(y)), y] -= 1
        return error.norm(dim=-1)
