"""How long the stages of a model take on this machine, as works really run them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from simulator.accounting.costs import Piece
from simulator.accounting.seconds import Rows as TableRows
from simulator.calibration.machine import now
from simulator.learning.data.images import Images
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.base import Optimizer

ALIKE = 4
"""Of stages that are alike, this many are timed: enough that each finds the caches as among its like."""
RATE = 1e-6
"""The learning rate while timing: weights must stay finite, and nobody learns anything."""


class Laps:
    """Seconds that were seen, by piece and number of samples."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, list[float]]] = {}

    def add(self, found: Sequence[tuple[Piece, float]]) -> None:
        """One more observation of each of these pieces; where stages are alike, that is their mean."""
        alike: dict[Piece, list[float]] = {}
        for piece, seconds in found:
            alike.setdefault(piece, []).append(seconds)
        for piece, each in alike.items():
            self._seen.setdefault(piece.what, {}).setdefault(piece.samples, []).append(statistics.mean(each))

    def table(self) -> dict[str, TableRows]:
        """The medians."""
        return {
            what: tuple((samples, statistics.median(seen[samples])) for samples in sorted(seen))
            for what, seen in self._seen.items()
        }


class Timed:
    """A model whose stages are timed, with random weights and random images.

    A part is run as in a trial: forward, the loss, backward, the step; and forward alone. The clock is read between
    its stages, so the times of all pieces add up to that of the works: getting a batch counts with the first stage,
    the loss with the last.

    Args:
        model: as a trial has it, but without memory of frozen stages.
        optimizer: of the step.
        side: of the images, in pixels.
        sizes: of the batches.
        device: of torch.
    """

    def __init__(
        self, model: Staged, optimizer: Optimizer, side: int, sizes: Sequence[int], device: str = "cpu"
    ) -> None:
        assert not model.remember, "what is remembered takes no time"
        self.model, self.optimizer, self.sizes, self.device = model, optimizer, sizes, device
        self._image = 3, side, side
        self._ranges = few_alike(model, self._image)

    def pieces(self) -> Iterator[Piece]:
        """What is timed."""
        for size in self.sizes:
            for kind in self.model.sizes(self._ranges, (size, *self._image)).pieces:
                yield from kind
        yield from self.model.steps(self._ranges, self.optimizer).values()

    def whole(self) -> tuple[Piece, ...]:
        """The pieces of the largest batch's way through the whole model, forward and back."""
        pieces = self.model.sizes(self.model.whole, (max(self.sizes), *self._image)).pieces
        return pieces.forward + pieces.backward

    @cached_property
    def part(self) -> Part:
        """The stages that are timed, with weights that need not be those of the model."""
        generator, module = torch.Generator().manual_seed(0), self.model.slice(self._ranges).module
        tensors = {name: _values(tensor, generator).to(self.device) for name, tensor in module.state_dict().items()}
        return Part(self.model, Weights(tensors, self.optimizer, RATE), self._ranges)

    @cached_property
    def _images(self) -> Images:
        samples, generator = max(self.sizes), torch.Generator().manual_seed(0)
        classes = self.model.sizes(self._ranges, (samples, *self._image)).shape[-1]
        pixels = torch.randint(0, 256, (samples, *self._image), generator=generator, dtype=torch.uint8)
        labels = torch.randint(0, classes, (samples,), generator=generator)
        return Images(pixels, labels, ((0.5,) * 3, (0.5,) * 3)).to(torch.device(self.device))

    def round(self, laps: Laps) -> None:
        """Time everything once."""
        for size in self.sizes:
            x, y = self._batch(size)
            pieces = self.part.sizes(x).pieces
            with self._marks() as (forward, backward):
                begun = self._now()
                one = Pass(self.part, x, y)
                turned = self._now()
                one.run_backward(None)
                ended = self._now()
            self._add(laps, pieces.forward, [begun, *forward[:-1], turned])
            self._add(laps, pieces.backward[::-1], [turned, *backward[1:], ended])
            self._step(laps, one)
            with self._marks() as (forward, _):
                begun = self._now()
                self.part.infer(x)
                ended = self._now()
            self._add(laps, pieces.infer, [begun, *forward[:-1], ended])

    def _step(self, laps: Laps, one: Pass) -> None:
        grads, found = one.grads, []
        for stage, piece in self.part.steps(self.optimizer).items():
            one.grads = {name: grad for name, grad in grads.items() if name.startswith(f"{stage}.")}
            begun = self._now()
            self.part.weights.step(one)
            found.append((piece, self._now() - begun))
        laps.add(found)

    def _add(self, laps: Laps, pieces: Sequence[Piece], times: Sequence[float]) -> None:
        seconds = [ended - begun for begun, ended in pairwise(times)]
        laps.add(list(zip(pieces, seconds, strict=True)))

    @contextmanager
    def _marks(self) -> Iterator[tuple[list[float], list[float]]]:
        """When each stage was done forward, and when the way back came to each stage, the last first.

        autograd goes back through what came last first, so a stage is done when the way back comes to the one before.
        """
        forward: list[float] = []
        backward: list[float] = []

        def done(stage: nn.Module, inputs: Any, output: Tensor) -> None:
            forward.append(self._now())
            if output.requires_grad:
                output.register_hook(lambda grad: backward.append(self._now()))

        handles = [stage.register_forward_hook(done) for stage in self.model.slice(self._ranges).stages.values()]
        try:
            yield forward, backward
        finally:
            for handle in handles:
                handle.remove()

    def _now(self) -> float:
        return now(self.device)

    def _batch(self, size: int) -> tuple[LazyBatch, Tensor]:
        index = torch.arange(size, device=self.device)
        return LazyBatch(self._images, index), self._images.labels[index]


def few_alike(model: Staged, shape: tuple[int, ...]) -> Ranges:
    """The stages of a model without those of which ``ALIKE`` came before; all, if that changes what is left.

    Args:
        shape: of one image.
    """
    costs, seen = model.stage_costs(model.whole, shape), Counter[str]()
    kept = []
    for at, cost in enumerate(costs):
        seen[cost.label] += 1
        if seen[cost.label] <= ALIKE:
            kept.append(at)
    ranges = tuple((at, at + 1) for at in kept)
    left = [cost.label for cost in model.stage_costs(ranges, shape)]
    return ranges if left == [costs[at].label for at in kept] else model.whole


def _values(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Such that activations keep their size from stage to stage, as numbers near 0 or far from it take longer."""
    if tensor.dim() < 2 or not tensor.is_floating_point():
        return torch.ones(tensor.shape, dtype=tensor.dtype)
    return torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5
