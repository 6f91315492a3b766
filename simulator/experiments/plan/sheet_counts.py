"""The costs of a model's stages and of its cuts, counted from shapes as a trial counts them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.experiments.plan.sheet_rows import Cut, Stage
from simulator.learning.costs.keys import stage_key
from simulator.learning.costs.operations import Pieces
from simulator.learning.models.cuts import Cut as Ends
from simulator.learning.models.cuts import cut
from simulator.learning.models.parts import Part
from simulator.world.memory import Memory

if TYPE_CHECKING:
    from simulator.learning.models.staged import Sizes, Staged
    from simulator.learning.models.weights import Weights


class Counted:
    """Counts the costs of consecutive stages of a model for one batch.

    Args:
        model: the model.
        weights: its weights, on ``meta``.
        batch: the shape of the batch: (samples, channels, height, width) of images, (samples, tokens) of texts.
    """

    def __init__(self, model: Staged, weights: Weights, batch: tuple[int, ...]) -> None:
        self.model, self.weights, self.samples = model, weights, batch[0]
        costs = model.stage_costs(model.whole, batch[1:])
        self.shapes = [batch, *((self.samples, *cost.shape) for cost in costs)]
        grads = [False, *(cost.grad for cost in costs)]
        keys = [stage_key(stage) for stage in model.stages.values()]
        self._kinds = list(zip(keys, self.shapes, grads, strict=False))
        self._known: dict[tuple[int, int], Sizes] = {}

    def stage(self, start: int, stop: int, name: str) -> Stage:
        sizes = self.sizes(start, stop)
        return Stage(
            name,
            *parameters(self.model, start, stop),
            forward_flops=sizes.forward // self.samples,
            training_flops=(sizes.forward + sizes.backward) // self.samples,
            shape=sizes.shape[1:],
            smashed_bytes=self._bytes(stop),
            kept_bytes=sizes.kept,
        )

    def cut(self, head: int, tail: int) -> Cut:
        ends = cut(self.model, head, tail)
        (head_range,), ((first, last),), (tail_range,) = ends
        parts = [self.model.slice(ranges) for ranges in ends]
        sizes = [self.sizes(*head_range), self.sizes(*tail_range)]
        counts = (parameters(self.model, *stages) for stages in (head_range, tail_range))
        held, trainable = map(sum, zip(*counts, strict=True))
        smashed, features = self._bytes(first), self._bytes(last)
        return Cut(
            head,
            tail,
            held,
            trainable,
            forward_flops=sum(part_sizes.forward for part_sizes in sizes) // self.samples,
            backward_flops=sum(part_sizes.backward for part_sizes in sizes) // self.samples,
            bytes_up=smashed + features * parts[1].learns,
            bytes_down=features + smashed * bool(parts[0].trainable),
            peak_bytes=self._peak(ends, *sizes),
        )

    def peak_uncut(self, part: Part) -> int:
        """Return the peak bytes of one step of the whole model; ``part`` is all of it, with tied tensors as one."""
        memory, sizes = Memory(), self.sizes(0, len(self.model))
        loss = self.model.objective.loss_cost(sizes.shape).peak_bytes
        memory.begin("device", part, sizes.kept + max(sizes.pair, loss))
        return memory.peak_bytes

    def sizes(self, start: int, stop: int) -> Sizes:
        """Return what ``Staged.sizes`` does for these stages, faster where many are identical.

        Three identical stages in a row are counted; each further one adds what the third one added.
        """
        if (start, stop) not in self._known:
            if stop - start > 3 and self._kinds[stop - 1] == self._kinds[stop - 2] == self._kinds[stop - 3]:
                before, less = self.sizes(start, stop - 1), self.sizes(start, stop - 2)
                sizes = before._replace(
                    forward=2 * before.forward - less.forward,
                    backward=2 * before.backward - less.backward,
                    late=2 * before.late - less.late,
                    kept=2 * before.kept - less.kept,
                    pieces=Pieces(),  # not used here
                )
            else:
                sizes = self.model.sizes(((start, stop),), self.shapes[start])
            self._known[start, stop] = sizes
        return self._known[start, stop]

    def _peak(self, at: Ends, head: Sizes, tail: Sizes) -> int:
        """Return the peak bytes of one step: head forward, tail forward, loss and backward, head backward."""
        memory, parts = Memory(), [Part(self.model, self.weights, ranges) for ranges in (at.head, at.tail)]
        loss = self.model.objective.loss_cost(tail.shape).peak_bytes
        for part, peak, kept in (
            (parts[0], head.kept + head.pair, head.kept),
            (parts[1], tail.kept + max(tail.pair, loss), 0),
            (parts[0], head.pair if head.kept else 0, -head.kept),
        ):
            memory.begin("device", part, peak)
            memory.end("device", peak, kept)
        return memory.peak_bytes

    def _bytes(self, boundary: int) -> int:
        """Return the fp32 bytes that cross the boundary before this stage, for one sample."""
        return 4 * math.prod(self.shapes[boundary][1:])


def parameters(model: Staged, start: int, stop: int) -> tuple[int, int]:
    """Count all parameters of some consecutive stages, and the trained ones; buffers do not count."""
    found = list(model.slice(((start, stop),)).module.parameters())
    return sum(one.numel() for one in found), sum(one.numel() for one in found if one.requires_grad)
