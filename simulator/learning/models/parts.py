"""Parts and passes: some stages with weights, and one batch's way through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from simulator.accounting.costs import Cost, Piece, work
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.staged import Sizes, Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.base import Optimizer

Batch = Tensor | LazyBatch
Loss = Callable[[Tensor, Tensor], Tensor]
"""Of logits [N, C] and labels [N]: their mean."""


def _by_shape(price: Callable[[Part, Batch], Cost]) -> Callable[..., Cost]:
    """A price that depends on the batch's shape alone: worked out once for each part and shape."""

    @wraps(price)
    def known(part: Part, x: Batch, *_: Any) -> Cost:
        key = price, x.shape
        found = part._prices.get(key)
        if found is None:
            found = part._prices[key] = price(part, x)
        return found

    return known


class Part:
    """Some stages with weights (shared by reference): a head, a body, a tail, a short cut, the whole model.

    It holds no batch and no gradient, so any number of passes may be open at once.

    Attributes:
        input_grad: something before this part learns, so its passes return the gradient of their input.
        learns: its passes are worth a way back.
    """

    def __init__(self, model: Staged, weights: Weights, ranges: Ranges) -> None:
        self.model, self.weights, self.ranges = model, weights, ranges
        self._slice = model.slice(ranges)
        self.trainable, self.frozen, self.names = self._slice.trainable, self._slice.frozen, self._slice.names
        self.input_grad, self.learns = self._slice.input_grad, self._slice.learns
        self.trainable_bytes = self._slice.trainable_bytes
        self._prices: dict[tuple[object, tuple[int, ...]], Cost] = {}

    def __repr__(self) -> str:
        return f"<part {self}>"

    def __str__(self) -> str:
        stages = [self.model.names[start:stop] for start, stop in self.ranges]
        return " and ".join(names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}" for names in stages)

    def receive(self, installed: Mapping[str, Tensor]) -> None:
        """Compute with these frozen weights from now on: what a device was sent, instead of what the server has."""
        for name in self.frozen:
            if self.weights[name] is not installed[name]:
                self.weights[name] = installed[name]

    def resident(self) -> Iterator[tuple[Weights, str, int]]:
        """What lies in memory where this part is used, by stage: weights, and of the trained gradients and state."""
        copies = 1 + self.weights.optimizer.copies if self.weights.optimizer else 0  # a gradient, and the state
        for stage, (weights, trained) in self._slice.stage_bytes.items():
            yield self.weights, stage, weights + copies * trained

    # Prices: of a batch of the first argument's shape; labels cost nothing.

    def sizes(self, x: Batch) -> Sizes:
        return self.model.sizes(self.ranges, tuple(x.shape))

    def steps(self, optimizer: Optimizer) -> dict[str, Piece]:
        """What a step of this part is made of, by stage."""
        return self.model.steps(self.ranges, optimizer)

    @_by_shape
    def _infer_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        return Cost(sizes.forward, self._slice.bytes + sizes.activations, sizes.pair, made_of=sizes.pieces.infer)

    @_by_shape
    def _forward_cost(self, x: Batch) -> Cost:
        sizes = self.sizes(x)
        touched, made_of = self._slice.bytes + sizes.activations, sizes.pieces.forward
        return Cost(sizes.forward, touched, sizes.kept + sizes.pair, sizes.kept, made_of)

    @_by_shape
    def _backward_cost(self, x: Batch) -> Cost:
        if not self.learns:
            return Cost()
        sizes = self.sizes(x)
        touched = self._slice.bytes + self.trainable_bytes + 2 * sizes.activations
        return Cost(sizes.backward, touched, sizes.pair, -sizes.kept, sizes.pieces.backward)

    @_by_shape
    def _loss_cost(self, x: Batch) -> Cost:
        return self._forward_cost(x) + self._backward_cost(x)

    def _late_cost(self, x: Batch) -> Cost:
        """Of a way back, what can come any time after: gradients of weights."""
        sizes = self.sizes(x)
        return Cost(sizes.late, self.trainable_bytes + sizes.activations, sizes.pair, -sizes.kept)

    @_by_shape
    def _chain_cost(self, x: Batch) -> Cost:
        both, late = self._loss_cost(x), self._late_cost(x)
        flops, touched = both.flops - late.flops, both.bytes_touched - late.bytes_touched
        return Cost(flops, touched, both.peak_bytes, both.kept_bytes - late.kept_bytes)

    def _train_cost(self, x: Batch, *_: Any) -> Cost:
        return self._loss_cost(x) + self.weights.price(self)

    def _held(self, *_: Any) -> Part:
        return self

    def _stepped(self, *_: Any) -> Weights:
        return self.weights

    # Works.

    @work(cost=_infer_cost, holds=_held)
    def infer(self, x: Batch) -> Batch:
        """The output, with no way back."""
        return Pass(self, x, grad=False).output

    @work(cost=_infer_cost, holds=_held)
    def el2n(self, x: Batch, y: Tensor) -> Tensor:
        """EL2N scores [N]: the L2 norm of softmax(logits) - onehot(y) (Paul et al., 2021, definition 2.2)."""
        logits = Pass(self, x, grad=False).output
        if logits.is_meta:
            return self.model.blank((len(y),))
        assert isinstance(logits, Tensor)
        error = logits.softmax(dim=-1)
        error[torch.arange(len(y)), y] -= 1
        return error.norm(dim=-1)

    @work(cost=_forward_cost, holds=_held)
    def forward(self, x: Batch) -> Pass:
        """A pass, open for its way back where this part learns."""
        return Pass(self, x)

    @work(cost=_loss_cost, holds=_held)
    def loss_backward(self, x: Batch, y: Tensor) -> Pass:
        """Forward, the mean cross-entropy with labels ``y`` [N], and backward; ``output`` is the loss."""
        return Pass(self, x, y).run_backward(None)

    @work(cost=_chain_cost, holds=_held)
    def loss_chain(self, x: Batch, y: Tensor) -> Pass:
        """``loss_backward`` without its gradients of weights: ``Pass.late`` pays for those, any time after."""
        return Pass(self, x, y).run_backward(None)

    @work(cost=_train_cost, writes=_stepped, holds=_held)
    def train_step(self, x: Batch, y: Tensor) -> Pass:
        """``loss_backward`` and the step, as one service."""
        done = Pass(self, x, y).run_backward(None)
        self.weights.step(done)
        return done

    # The computation itself.

    def __call__(self, x: Batch, tensors: Mapping[str, Tensor] | None = None) -> Batch:
        """Really compute, with other tensors than the part's own if given. Frozen prefixes of rows are remembered."""
        tensors = tensors or self.weights
        if isinstance(x, LazyBatch):
            frozen = self._slice.frozen_prefix if self.model.remember else 0
            if frozen:
                x = LazyBatch(self.model.derived(x.source, self.ranges, self.weights), x.index)
            if frozen == len(self._slice.stages):
                return x
            x = x.tensor()
            if frozen:
                return self._slice.rest(tensors, x)
        return functional_call(self._slice.module, {name: tensors[name] for name in self.names}, (x,))


@contextmanager
def _drawing(weights: Weights) -> Iterator[None]:
    """A generator of their own for passes that draw random numbers: torch's global one stays as it was."""
    if weights.random is None:
        yield
        return
    devices = [tensor.device for tensor in weights.values() if tensor.is_cuda][:1]
    with torch.random.fork_rng(devices):
        torch.manual_seed(int(weights.random.integers(2**63)))
        yield


class Pass:
    """One batch through a part: its tape and, once it has been run backward, its gradients.

    Attributes:
        output: detached; the loss, where labels were given.
        grads: of the part's trainable tensors, by name.
        input_grad: of the batch, where something before the part learns.
    """

    __slots__ = ("__weakref__", "_leaves", "_tape", "_x", "grads", "input_grad", "output", "part", "version")

    def __init__(
        self, part: Part, x: Batch, y: Tensor | None = None, grad: bool = True, loss: Loss = cross_entropy
    ) -> None:
        self.part, self._x, self.version = part, x, part.weights.version
        self.grads: dict[str, Tensor] = {}
        self.input_grad: Tensor | None = None
        self._tape: Tensor | None = None
        self._leaves: dict[str, Tensor] = {}
        opens = grad and part.learns
        if x.is_meta:  # dry: what a part does to a shape is known, and no tensor is touched
            self.output: Any = part.model.blank(part.sizes(x).shape if y is None else ())
        elif not opens:
            with torch.no_grad():
                self.output = part(x)
        else:
            self._run(x, y, loss)
        if opens and part.trainable:
            part.weights.opened(self)

    def _run(self, x: Batch, y: Tensor | None, loss: Loss) -> None:
        part = self.part
        if part.input_grad:
            assert isinstance(x, Tensor), "rows of a source are data: nothing before them learns"
            self._x = x = x.detach().requires_grad_()
        self._leaves = {name: part.weights[name].detach().requires_grad_() for name in part.trainable}
        with torch.enable_grad(), _drawing(part.weights):
            output = part(x, {**part.weights, **self._leaves})
            assert isinstance(output, Tensor)
            self._tape = output if y is None else loss(output, y)
        self.output = self._tape.detach()

    def _backward_cost(self, grad: Tensor) -> Cost:
        return self.part._backward_cost(self._x)

    def _held(self, grad: Tensor) -> Part:
        return self.part

    @work(cost=_backward_cost, holds=_held)
    def backward(self, grad: Tensor) -> Tensor | None:
        """From the gradient of the output to ``grads``; the value is the gradient of the input, where it is wanted.

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
        """The gradients of weights that ``loss_chain`` left for later, as in zero-bubble pipelines; autograd makes both
        at once, so only the price is left to pay."""
        return self

    def run_backward(self, grad: Tensor | None) -> Pass:
        part = self.part
        if self.grads or self.input_grad is not None:
            raise RuntimeError(f"this pass through {part} has been run backward already")
        if self._x.is_meta:
            self.grads = {name: part.weights[name] for name in part.trainable}
            self.input_grad = part.model.blank(tuple(self._x.shape)) if part.input_grad else None
        else:
            assert self._tape is not None, f"{part} does not learn: it has no way back"
            wanted = [*self._leaves.values(), *([self._x] if part.input_grad else [])]
            grads = torch.autograd.grad(self._tape, wanted, grad)  # type: ignore[arg-type]
            self.grads = dict(zip(self._leaves, grads, strict=False))
            self.input_grad = grads[-1] if part.input_grad else None
            self._tape, self._leaves = None, {}
        part.weights.closed(self)
        return self
