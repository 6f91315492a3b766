"""Time the stages of a model on this machine, run as works run them in a trial."""

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

from simulator.accounting.costs import Cost, Piece
from simulator.accounting.payload import tree_bytes
from simulator.accounting.seconds import Rows as TableRows
from simulator.calibration.machine import now
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.modalities import Modality
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.training.averaging import weighted_mean

ALIKE = 4
"""How many of several identical stages are timed: enough that the caches are as they are in the whole model."""
UPDATES_BYTES = 2**29
"""How many bytes the updates have that are averaged: more do not fit into caches either, and take as long per byte."""
RATE = 1e-6
"""The learning rate while timing: nothing is to be learned, and the weights must stay finite."""


class Laps:
    """Observed seconds, by piece of work and number of samples."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, list[float]]] = {}

    def add(self, found: Sequence[tuple[Piece, float]]) -> None:
        """Record one observation of each piece; equal pieces, of identical stages, count as one by their mean."""
        observed: dict[Piece, list[float]] = {}
        for piece, seconds in found:
            observed.setdefault(piece, []).append(seconds)
        for piece, times in observed.items():
            self._seen.setdefault(piece.what, {}).setdefault(piece.samples, []).append(statistics.mean(times))

    def table(self) -> dict[str, TableRows]:
        """Return the medians: for each piece of work, rows of (samples, seconds) in order of samples."""
        return {
            what: tuple((samples, statistics.median(by_samples[samples])) for samples in sorted(by_samples))
            for what, by_samples in self._seen.items()
        }


class Timed:
    """A model whose stages are timed, with random weights and random samples.

    A part is run as in a trial: forward, loss, backward and step; and forward alone. The clock is read between its
    stages, so the times of all pieces add up to that of the works: fetching a batch counts with the first stage, the
    loss with the last, unless its objective charges for it as a piece of its own. Means of updates are timed between
    the passes, so that the caches have none of their tensors.

    Args:
        model: the model as in a trial, but with ``remember`` off: remembered outputs of frozen stages would take no
            time.
        optimizer: the rule of the step.
        modality: what the model takes as a sample.
        sizes: the batch sizes to time.
        device: the torch device.
        updates: how many updates are averaged; 0 if no means are to be timed.
        steps: how many steps follow one another until the optimizer's state is empty again; None if it never is. The
            first of them binds new tensors, so it takes other seconds than those that follow.
    """

    def __init__(
        self,
        model: Staged,
        optimizer: Optimizer,
        modality: Modality,
        sizes: Sequence[int],
        device: str = "cpu",
        updates: int = 0,
        steps: int | None = None,
    ) -> None:
        assert not model.remember, "a remembered output takes no time"
        self.model, self.optimizer, self.sizes, self.device = model, optimizer, sizes, device
        self.updates, self.steps = updates, steps
        self.modality, self._ranges = modality, few_alike(model, modality.shape)

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces of work that are timed."""
        for size in self.sizes:
            sizes = self.model.sizes(self._ranges, (size, *self.modality.shape))
            yield from sizes.pieces.infer + sizes.pieces.forward + sizes.pieces.backward
            yield from self.model.objective.loss_cost(sizes.shape).made_of
        yield from self.model.steps(self._ranges, self.optimizer).values()
        part = self.model.slice(self._ranges)
        trained = dict(part.module.named_parameters())
        for values in averaged({name: trained[name] for name in part.trainable}, self.updates):
            yield from _mean(values).made_of

    def whole(self) -> tuple[Piece, ...]:
        """Return the pieces of the largest batch's passes through the whole model, forward and backward."""
        pieces = self.model.sizes(self.model.whole, (max(self.sizes), *self.modality.shape)).pieces
        return pieces.forward + pieces.backward

    @cached_property
    def part(self) -> Part:
        """The timed stages, with random weights in place of the model's own."""
        generator, module = torch.Generator().manual_seed(0), self.model.slice(self._ranges).module
        tensors = {name: _values(tensor, generator).to(self.device) for name, tensor in module.state_dict().items()}
        tensors = {name: tensor for name, tensor in tensors.items() if name not in self.model.ties}
        return Part(self.model, Weights(tensors, self.optimizer, RATE), self._ranges)

    @cached_property
    def _samples(self) -> Inputs:
        samples = max(self.sizes)
        outputs = self.model.sizes(self._ranges, (samples, *self.modality.shape)).shape[1:]
        return self.modality.random(samples, outputs).to(torch.device(self.device))

    def round(self, laps: Laps) -> None:
        """Time every piece once, and record it in ``laps``."""
        for at, size in enumerate(self.sizes):
            x, y = self._batch(size)
            sizes = self.part.sizes(x)
            pieces, loss = sizes.pieces, self.model.objective.loss_cost(sizes.shape).made_of
            with self._marks() as (forward, backward):
                begun = self._now()
                trained = Pass(self.part, x, y)
                turned = self._now()
                trained.run_backward(None)
                ended = self._now()
            if loss:
                self._add(laps, loss, [forward[-1], backward[0]])
            last, first = (forward[-1], backward[0]) if loss else (turned, turned)
            self._add(laps, pieces.forward, [begun, *forward[:-1], last])
            self._add(laps, pieces.backward[::-1], [first, *backward[1:], ended])
            self._step(laps, trained)
            with self._marks() as (forward, _):
                begun = self._now()
                self.part.infer(x)
                ended = self._now()
            self._add(laps, pieces.infer, [begun, *forward[:-1], ended])
            for values in self._averaged[at :: len(self.sizes)]:
                begun = self._now()
                weighted_mean.run(values, [1.0] * len(values))
                laps.add([(piece, self._now() - begun) for piece in _mean(values).made_of])

    def _step(self, laps: Laps, trained: Pass) -> None:
        """Record the mean of the steps that follow one another: the first is timed, and one of all others."""
        weights, grads = self.part.weights, trained.grads
        if self.steps is None:
            seconds = self._stepped(trained, grads)
        else:
            weights.reset_optimizer(self.optimizer, RATE)
            weights.release_copy(grads)
            first, others = self._stepped(trained, grads), self.steps - 1
            later = self._stepped(trained, grads) if others else first
            seconds = [(one + others * other) / self.steps for one, other in zip(first, later, strict=True)]
        laps.add(list(zip(self.part.steps(self.optimizer).values(), seconds, strict=True)))

    def _stepped(self, trained: Pass, grads: dict[str, Tensor]) -> list[float]:
        """Take a step, and return the seconds of each stage."""
        seconds = []
        for stage in self.part.steps(self.optimizer):
            trained.grads = {name: grad for name, grad in grads.items() if name.startswith(f"{stage}.")}
            begun = self._now()
            self.part.weights.step(trained)
            seconds.append(self._now() - begun)
        return seconds

    def _add(self, laps: Laps, pieces: Sequence[Piece], times: Sequence[float]) -> None:
        seconds = [ended - begun for begun, ended in pairwise(times)]
        laps.add(list(zip(pieces, seconds, strict=True)))

    @contextmanager
    def _marks(self) -> Iterator[tuple[list[float], list[float]]]:
        """Record when each stage ended its forward pass, and when the backward pass reached each stage's output.

        The backward times are in order of the backward pass: the last stage comes first. A stage's backward pass has
        ended when that of the stage before it begins.
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

    @cached_property
    def _averaged(self) -> list[list[dict[str, Tensor]]]:
        tensors = {name: self.part.weights[name] for name in self.part.trainable}
        return list(averaged(tensors, self.updates))

    def _now(self) -> float:
        return now(self.device)

    def _batch(self, size: int) -> tuple[LazyBatch, Tensor]:
        index = torch.arange(size, device=self.device)
        return LazyBatch(self._samples, index), self._samples.targets(index)


def averaged(tensors: dict[str, Tensor], most: int) -> Iterator[list[dict[str, Tensor]]]:
    """Yield the updates of each mean to time: half of one update, then 1, 2, 4, ... whole ones, and ``most``.

    Together the updates have ``UPDATES_BYTES`` at most, unless one alone has more.

    Args:
        tensors: name -> tensor of one update; the others are copies of it.
        most: how many updates a mean has at most; 0: nothing is yielded.
    """
    most = min(most, max(1, UPDATES_BYTES // max(1, tree_bytes(tensors))))
    if not most or not tensors:
        return
    updates = [{name: tensor.detach().clone() for name, tensor in tensors.items()} for _ in range(most)]
    if len(tensors) > 1:
        yield [{name: updates[0][name] for name in list(tensors)[: len(tensors) // 2]}]
    for count in sizes_up_to(most):
        yield updates[:count]


def sizes_up_to(most: int) -> list[int]:
    """Return the sizes to time: the powers of two below ``most``, and ``most``.

    The last batch of an epoch may have any size up to ``most``, so the table must cover the whole range.
    """
    return [2**power for power in range(most.bit_length()) if 2**power < most] + [most]


def _mean(values: list[dict[str, Tensor]]) -> Cost:
    return weighted_mean.cost(values, [1.0] * len(values))


def few_alike(model: Staged, shape: tuple[int, ...]) -> Ranges:
    """Return the stages of a model without those that follow ``ALIKE`` identical ones.

    All stages are returned where leaving some out would change the cost of the others.

    Args:
        model: the model.
        shape: the shape of one sample.
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
    """Return values that keep the activations' scale from stage to stage: very small or large numbers take longer."""
    if tensor.dim() < 2 or not tensor.is_floating_point():
        return torch.ones(tensor.shape, dtype=tensor.dtype)
    return torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5
