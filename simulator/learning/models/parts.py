"""Parts and passes: some stages with their weights, and the pass of one batch through them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, Piece, made_of, work
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.drawing import drawing
from simulator.learning.models.staged import Sizes, Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.base import Optimizer

Batch = Tensor | LazyBatch
Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes logits, and what is to be predicted, and returns the mean loss."""


def _by_shape(price: Callable[[Part, Batch], Cost]) -> Callable[..., Cost]:
    """Cache a cost that depends on the shape of the batch alone, for all parts with these stages and each shape."""

    @wraps(price)
    def cached(part: Part, x: Batch, *_: Any) -> Cost:
        key = price, x.shape
        if key not in part._prices:
            part._prices[key] = price(part, x)
        return part._prices[key]

    return cached


class Part:
    """Some stages with weights: a head, a body, a tail, a short cut, or the whole model.

    The weights are shared by reference. A part holds no batch and no gradient, so any number of passes through it may
    be open at once.

    Attributes:
        model, weights: the structure and the weights of the whole model.
        ranges: which stages belong to this part.
        names, trainable, frozen, trainable_bytes, input_grad, learns: as of a ``Slice``.
    """

    __slots__ = (
        *("__weakref__", "_prices", "_shared", "_slice", "frozen", "input_grad", "learns"),
        *("model", "names", "ranges", "trainable", "trainable_bytes", "weights"),
    )

    def __init__(self, model: Staged, weights: Weights, ranges: Ranges) -> None:
        self.model, self.weights, self.ranges = model, weights, ranges
        self._slice = part = model.slice(ranges)
        self.trainable, self.frozen, self.names = part.trainable, part.frozen, part.names
        self.input_grad, self.learns, self.trainable_bytes = part.input_grad, part.learns, part.trainable_bytes
        self._prices = model.prices(ranges)
        self._shared: tuple[object, ...] | None = None

    def __repr__(self) -> str:
        return f"<part {self}>"

    def __str__(self) -> str:
        stages = [self.model.names[start:stop] for start, stop in self.ranges]
        return " and ".join(names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}" for names in stages)

    def receive(self, installed: Mapping[str, Tensor]) -> None:
        """Use the frozen weights that a device was sent, in place of the server's, from now on."""
        for name in self.frozen:
            if self.weights[name] is not installed[name]:
                self.weights[name] = installed[name]
                self._shared = None

    @property
    def shared(self) -> tuple[object, ...] | None:
        """What is equal for parts that compute the same with the same weights; None if this part is trained."""
        if self._shared is None and not self.trainable:
            self._shared = self.ranges, self.learns, *(id(self.weights[name]) for name in self.names)
        return self._shared

    def resident(self) -> Iterator[tuple[Weights, str, int]]:
        """Yield what this part takes in memory at a site: for each stage, the weights object, its name, and bytes.

        The bytes are those of the weights and, for trained parameters, of the gradients and the optimizer state.
        """
        copies = 1 + self.weights.optimizer.copies if self.weights.optimizer else 0  # the gradient, and the state
        for stage, (weights, trained) in self._slice.stage_bytes.items():
            yield self.weights, stage, weights + copies * trained

    # Costs, for a batch of the shape of ``x``. Labels cost nothing.

    def sizes(self, x: Batch) -> Sizes:
        """Return the sizes of this part for a batch."""
        return self.model.sizes(self.ranges, tuple(x.shape))

    def steps(self, optimizer: Optimizer) -> dict[str, Piece]:
        """Return the pieces of an optimizer step of this part, by stage."""
        return self.model.steps(self.ranges, optimizer)

    @_by_shape
    def _infer_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        return made_of(sizes.pieces.infer, peak_bytes=sizes.pair)

    @_by_shape
    def _el2n_cost(self, x: Batch) -> Cost:
        return self._infer_cost(x) + self.model.objective.errors_cost(self.sizes(x).shape)

    @_by_shape
    def _forward_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        return made_of(sizes.pieces.forward, sizes.kept + sizes.pair, sizes.kept)

    @_by_shape
    def _backward_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        return made_of(sizes.pieces.backward, sizes.pair, -sizes.kept) if self.learns else Cost()

    @_by_shape
    def _loss_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        return self._forward_cost(x) + self._backward_cost(x) + self._loss_alone(sizes)

    def _loss_alone(self, sizes: Sizes) -> Cost:
        """Return the cost of the loss itself and of its gradient, while all that the passes keep is in memory."""
        alone = self.model.objective.loss_cost(sizes.shape)
        return alone._replace(peak_bytes=sizes.kept + alone.peak_bytes) if alone.peak_bytes else alone

    def _late_cost(self, x: Batch) -> Cost:
        """Return the cost of the gradients of weights, which may be computed at any later time."""
        sizes = self.sizes(x)
        return made_of(sizes.pieces.late, sizes.pair, -sizes.kept)

    @_by_shape
    def _chain_cost(self, x: Batch) -> Cost:
        """Return the cost of a forward and a backward pass without what ``_late_cost`` charges."""
        sizes, both = self.sizes(x), self._loss_cost(x)
        chain = made_of(sizes.pieces.forward + sizes.pieces.chain, both.peak_bytes) + self._loss_alone(sizes)
        return chain._replace(kept_bytes=both.kept_bytes - self._late_cost(x).kept_bytes)

    def _train_cost(self, x: Batch, *_: Any) -> Cost:
        step = self.weights.price(self)
        key = "train", id(step), x.shape  # the model keeps the step, so that its identity stays valid
        if key not in self._prices:
            self._prices[key] = self._loss_cost(x) + step
        return self._prices[key]

    def _held(self, *_: Any) -> Part:
        return self

    def _batched(self, x: Batch) -> Hashable | None:
        """Return the key of a forward pass, which clients can share where nothing of the part is trained."""
        return None if self.shared is None else ("forward", self.shared, x.shape[1:])

    def _batched_alone(self, x: Batch) -> Hashable | None:
        return None if self.shared is None else ("infer", self.shared, x.shape[1:])

    def _stepped(self, *_: Any) -> Weights:
        return self.weights

    # Works.

    @work(cost=_infer_cost, holds=_held, batch_key=_batched_alone)
    def infer(self, x: Batch) -> Batch:
        """Return the output of a forward pass that keeps nothing for a backward pass."""
        return Pass(self, x, grad=False).output

    @work(cost=_el2n_cost, holds=_held)
    def el2n(self, x: Batch, y: Tensor) -> Tensor:
        """Return the EL2N score of each sample, [N]; see ``Objective.errors``."""
        logits = Pass(self, x, grad=False).output
        if logits.is_meta:
            return self.model.blank((len(y),))
        assert isinstance(logits, Tensor)
        return self.model.objective.errors(logits, y)

    @work(cost=_forward_cost, holds=_held, batch_key=_batched)
    def forward(self, x: Batch) -> Pass:
        """Run a batch forward; the pass stays open for its backward pass, if this part learns."""
        return Pass(self, x)

    @work(cost=_loss_cost, holds=_held)
    def loss_backward(self, x: Batch, y: Tensor) -> Pass:
        """Run forward to the mean loss with what is to be predicted, ``y``, which is the ``output``, and backward."""
        return Pass(self, x, y).run_backward(None)

    @work(cost=_chain_cost, holds=_held)
    def loss_chain(self, x: Batch, y: Tensor) -> Pass:
        """Do ``loss_backward`` without the cost of the gradients of weights, which ``Pass.late`` charges later."""
        return Pass(self, x, y).run_backward(None)

    @work(cost=_train_cost, writes=_stepped, holds=_held)
    def train_step(self, x: Batch, y: Tensor) -> Pass:
        """Do ``loss_backward`` and the optimizer step as one work."""
        computed = Pass(self, x, y).run_backward(None)
        self.weights.step(computed)
        return computed

    # The computation itself.

    def __call__(self, x: Batch, tensors: Mapping[str, Tensor] | None = None) -> Batch:
        """Compute the output of a batch, with ``tensors`` in place of the part's own weights if given.

        For rows of a source, the features of the leading frozen stages are cached.
        """
        tensors = tensors or self.weights
        if isinstance(x, LazyBatch):
            cached_stages = self._slice.frozen_prefix if self.model.remember else 0
            if cached_stages:
                x = LazyBatch(self.model.derived(x.source, self.ranges, self.weights), x.index)
            if cached_stages == len(self._slice.stages):
                return x
            x = x.tensor()
            if cached_stages:
                return self._slice.rest(tensors, x)
        return self._slice.every(tensors, x)


class Pass:
    """The pass of one batch through a part, with its autograd graph and, after ``backward``, its gradients.

    Attributes:
        part: the part.
        version: the version of the weights that it was computed with.
        output: the output, detached; the loss, where labels were given.
        grads: name -> gradient of the part's trained parameters; empty before ``backward``.
        input_grad: the gradient of the batch, where a stage before the part is trained.
    """

    __slots__ = ("__weakref__", "_leaves", "_tape", "_x", "grads", "input_grad", "output", "part", "version")

    def __init__(
        self, part: Part, x: Batch, y: Tensor | None = None, grad: bool = True, loss: Loss | None = None
    ) -> None:
        self.part, self._x, self.version = part, x, part.weights.version
        self.grads: dict[str, Tensor] = {}
        self.input_grad: Tensor | None = None
        self._tape: Tensor | None = None
        self._leaves: dict[str, Tensor] = {}
        opens = grad and part.learns
        if x.is_meta:  # a dry run needs the shape of the output alone
            self.output: Any = part.model.blank(part.sizes(x).shape if y is None else ())
        elif not opens:
            with torch.no_grad():
                self.output = part(x)
        else:
            self._run(x, y, loss or part.model.objective.loss)
        if opens and part.trainable:
            part.weights.opened(self)

    def _run(self, x: Batch, y: Tensor | None, loss: Loss) -> None:
        part = self.part
        if part.input_grad:
            assert isinstance(x, Tensor), "rows of a source are data: no stage before them is trained"
            self._x = x = x.detach().requires_grad_()
        self._leaves = {name: part.weights[name].detach().requires_grad_() for name in part.trainable}
        with torch.enable_grad(), drawing(part.weights):
            output = part(x, {**part.weights, **self._leaves})
            assert isinstance(output, Tensor)
            self._tape = output if y is None else loss(output, y)
        self.output = self._tape.detach()

    def _backward_cost(self, grad: Tensor) -> Cost:
        return self.part._backward_cost(self._x)

    def _held(self, grad: Tensor) -> Part:
        return self.part

    def _batched(self, grad: Tensor) -> Hashable | None:
        return None if self.part.shared is None else ("backward", self.part.shared, grad.shape[1:])

    @work(cost=_backward_cost, holds=_held, batch_key=_batched)
    def backward(self, grad: Tensor) -> Tensor | None:
        """Run backward from the gradient of the output, set ``grads``, and return the gradient of the input if wanted.

        Raises:
            RuntimeError: the pass has been run backward already.
        """
        return self.run_backward(grad).input_grad

    def _late_cost(self) -> Cost:
        return self.part._late_cost(self._x)

    def _late_held(self) -> Part:
        return self.part

    @work(cost=_late_cost, holds=_late_held, deferrable=True)
    def late(self) -> Pass:
        """Charge for the gradients of weights that ``loss_chain`` left for later, as in zero-bubble pipelines.

        Autograd has computed them already, together with the others; only their cost is left.
        """
        return self

    def run_backward(self, grad: Tensor | None) -> Pass:
        """Do the computation of ``backward`` and return this pass; ``grad`` is None where the output is a loss.

        Raises:
            RuntimeError: the pass has been run backward already.
        """
        part = self.part
        if self.grads or self.input_grad is not None:
            raise RuntimeError(f"this pass through {part} has been run backward already")
        if self._x.is_meta:
            self.grads = part.weights.some(part.trainable)
            self.input_grad = part.model.blank(tuple(self._x.shape)) if part.input_grad else None
        else:
            assert self._tape is not None, f"{part} does not learn: it has no backward pass"
            wanted = [*self._leaves.values(), *([self._x] if part.input_grad else [])]
            grads = torch.autograd.grad(self._tape, wanted, grad)  # type: ignore[arg-type]
            self.grads = dict(zip(self._leaves, grads, strict=False))
            self.input_grad = grads[-1] if part.input_grad else None
            self._tape, self._leaves = None, {}
        part.weights.closed(self)
        return self
