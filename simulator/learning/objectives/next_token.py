"""The next token at each position of a text."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss

from simulator.accounting.costs import Cost, Piece, made_of
from simulator.learning.costs.keys import label
from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.inputs import Inputs
from simulator.learning.objectives.base import FLOAT_BYTES, Objective


class NextToken(Objective):
    """Predict each token from those before it: logits [N, T, V], targets int64 [N, T].

    The target of a position is the token behind it; where there is none to be predicted, it is -100. The loss is the
    mean over all tokens that are predicted in a batch, so that longer texts weigh more in it.
    """

    name: ClassVar[str] = "next_token"
    over_tokens: ClassVar[bool] = True

    def counted(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        counts = y != IGNORED
        return logits[counts], y[counts]

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORED)  # without a copy of the logits

    def distilled(self, logits: Tensor, teacher: Tensor, y: Tensor, strength: float) -> Tensor:
        counts, own, chances = y != IGNORED, logits.log_softmax(dim=-1), teacher.softmax(dim=-1)
        loss = nll_loss(own.flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        cross = -torch.einsum("ntv,ntv->nt", chances, own)  # without their product
        divergence = (cross - torch.special.entr(chances).sum(dim=-1)).where(counts, 0.0)
        return loss + strength * divergence.sum() / counts.sum()

    def divergence_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return the cost of the divergence: twelve passes over logits, and the teacher's probabilities in memory.

        Forward, the teacher's logits are read and their probabilities written (2), which are read for their entropy,
        written and read (3), and read with the logarithms of the loss (2). On the way back, the probabilities are read
        and a gradient of the logarithms written (2), which is added to that of the loss (3).
        """
        logits = FLOAT_BYTES * math.prod(shape)
        return Cost(bytes_touched=12 * logits, peak_bytes=logits, kept_bytes=-logits)

    def errors(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean of the scores of a sample's tokens, [N]; 0 where none is predicted."""
        counts = y != IGNORED
        error = logits.softmax(dim=-1)
        error.scatter_add_(2, y.clamp_min(0)[..., None], error.new_tensor(-1.0).expand(*y.shape, 1))
        scores = error.norm(dim=-1).where(counts, 0.0)
        return scores.sum(dim=1) / counts.sum(dim=1).clamp_min(1)

    def errors_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return the cost of the scores: the logits are read, and their probabilities written and read."""
        logits = FLOAT_BYTES * math.prod(shape)
        return Cost(bytes_touched=3 * logits, peak_bytes=2 * logits)

    def loss_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return the cost of log-softmax and of its way back: six passes over the logits, three of them in memory.

        Forward, the logits are read and their logarithms written; on the way back, the gradient of the logarithms is
        written, and read with them to write that of the logits. It is a piece of work of its own, which can be timed.
        """
        logits = FLOAT_BYTES * math.prod(shape)
        piece = Piece(f"{label('NextToken', *shape[1:])} loss", shape[0], bytes_touched=6 * logits)
        return made_of((piece,), peak_bytes=3 * logits)

    def _classes(self, test: Inputs, index: Tensor) -> Tensor:
        y = test.targets(index)
        return test.labels[index][:, None].expand(y.shape)[y != IGNORED]
