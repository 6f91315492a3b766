"""The structure of a model: named stages on ``meta``, with a fixed choice of what is trained, and without weights."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from simulator.accounting.costs import Cost, Piece
from simulator.learning.costs.flops import StageCost, stage_cost
from simulator.learning.costs.footprint import Footprint, footprint
from simulator.learning.costs.keys import label, stage_key
from simulator.learning.costs.operations import Pieces, pieces
from simulator.learning.costs.traffic import traffic
from simulator.learning.data.lazy import Budget, CachedFeatures, Source
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.slices import Slice, Ties, tie
from simulator.learning.objectives import Classification, Objective

if TYPE_CHECKING:
    from simulator.learning.optimizers.base import Optimizer

FLOAT_BYTES = 4
"""The bytes of one number: all computation is in float32."""


class Sizes(NamedTuple):
    """FLOPs and bytes of one part for one batch, and the shape of its output.

    Attributes:
        forward: FLOPs of the forward pass.
        backward: FLOPs of the backward pass.
        late: the FLOPs of the backward pass that may be done at any later time, for the gradients of weights.
        pair: bytes of the inputs and outputs of one operation, where they are largest.
        kept: bytes that autograd keeps for the backward pass; 0 where nothing is trained.
        shape: the shape of the output, batch included.
        pieces: the pieces of work that can be timed.
    """

    forward: int
    backward: int
    late: int
    pair: int
    kept: int
    shape: tuple[int, ...]
    pieces: Pieces


class Staged:
    """A model as a list of stages; its length is their number.

    Args:
        stages: the stages by name, in order, with any weights; they are moved to ``meta``.
        trained: tells whether a parameter is trained, from its name.
        attention: ``fused`` if the device's attention never stores the T x T scores, ``math`` if it does.
        remember: whether the outputs of frozen stages are cached; this never changes a charge.
        ties: parameters that are one with another one, which has the weight of both: name -> name of the other.

    Attributes:
        stages: the stages by name, in order.
        names: the names of the stages, in order.
        attention, remember, ties: as given.
        objective: what the model is trained for.
    """

    objective: Objective = Classification()

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        trained: Callable[[str], bool],
        attention: str = "fused",
        remember: bool = True,
        ties: Ties = MappingProxyType({}),
    ) -> None:
        self._constants = {name: buffer for name, buffer in nn.ModuleDict(stages).named_buffers() if not buffer.is_meta}
        self.stages = {name: stage.to("meta") for name, stage in stages.items()}
        tie(self.stages, ties)
        self.names = list(self.stages)
        self.attention, self.remember, self.ties = attention, remember, ties
        for name, parameter in nn.ModuleDict(self.stages).named_parameters():
            parameter.requires_grad_(trained(name))
        self._keys = {name: stage_key(stage) for name, stage in self.stages.items()}
        self._learns = [any(p.requires_grad for p in stage.parameters()) for stage in self.stages.values()]
        self._slices: dict[Ranges, Slice] = {}
        self._sizes: dict[tuple[Ranges, tuple[int, ...]], Sizes] = {}
        self._steps: dict[tuple[Ranges, Optimizer], dict[str, Piece]] = {}
        self._prices: dict[Ranges, dict[Any, Cost]] = {}
        self._step_prices: dict[int, tuple[Optimizer, dict[Any, Cost]]] = {}  # by id of the optimizer
        self._blanks: dict[tuple[tuple[int, ...], torch.dtype], Tensor] = {}
        self._derived: dict[tuple[Any, ...], CachedFeatures] = {}
        self._budget = Budget()

    def anew(self) -> Staged:
        """Return a copy for another task, which shares all that depends on the structure, but no cached features."""
        twin = copy.copy(self)
        twin._derived, twin._budget = {}, Budget()
        twin._prices, twin._step_prices = {}, {}  # which depend on the objective, and belong to a trial
        return twin

    def __len__(self) -> int:
        return len(self.names)

    @property
    def whole(self) -> Ranges:
        """The range of all stages."""
        return ((0, len(self)),)

    @property
    def blocks(self) -> range:
        """The indices of the stages that are blocks; the position of a cut is counted in blocks."""
        first = next(i for i, name in enumerate(self.names) if name.startswith("block"))
        return range(first, len(self) - 1)

    @property
    def pools_one_token(self) -> bool:
        """Whether the classifier uses one token alone: the class token, or the last one of a text."""
        return getattr(self.stages["head"], "pooling", None) == "token"

    @property
    def takes_tokens(self) -> bool:
        """Whether its samples are texts, in whose hidden states rows of zeros are padding."""
        return getattr(next(iter(self.stages.values())), "takes", "") == "tokens"

    def slice(self, ranges: Ranges) -> Slice:
        """Return some stages as one module, which is made only once."""
        if ranges not in self._slices:
            names = [name for start, stop in ranges for name in self.names[start:stop]]
            stages = OrderedDict((name, self.stages[name]) for name in names)
            input_grad = any(self._learns[: ranges[0][0]])
            self._slices[ranges] = Slice(stages, input_grad, self._constants, self.ties)
        return self._slices[ranges]

    def stage_costs(self, ranges: Ranges, shape: tuple[int, ...]) -> list[StageCost]:
        """Return the cost of each of these stages for one sample; ``shape`` is that of the input, without the batch."""
        part, costs = self.slice(ranges), []
        grad = part.input_grad
        for name, stage in part.stages.items():
            costs.append(stage_cost(stage, self._keys[name], shape, grad))
            shape, grad = costs[-1].shape, costs[-1].grad
        return costs

    def sizes(self, ranges: Ranges, shape: tuple[int, ...]) -> Sizes:
        """Return the sizes of these stages for a batch; ``shape`` is that of the input, batch included."""
        key = ranges, shape
        if key not in self._sizes:
            costs, samples = self.stage_costs(ranges, tuple(shape[1:])), shape[0]
            part = self.slice(ranges)
            keys = tuple(self._keys[name] for name in part.stages)
            inputs = [(tuple(shape[1:]), part.input_grad), *((cost.shape, cost.grad) for cost in costs)]
            alike = dict(zip(part.stages, zip(keys, inputs, strict=False), strict=True))
            moved = [
                traffic(part.stages[name], stage, *entering, samples, self.attention)
                for name, (stage, entering) in alike.items()
            ]
            memory = self._footprint(alike, shape, part.input_grad)
            self._sizes[key] = Sizes(
                forward=samples * sum(cost.forward for cost in costs),
                backward=samples * sum(cost.backward for cost in costs) if part.learns else 0,
                late=samples * sum(cost.weights for cost in costs) if part.learns else 0,
                pair=memory.pair,
                kept=memory.kept,
                shape=(samples, *costs[-1].shape),
                pieces=pieces(list(zip(costs, moved, strict=True)), samples),
            )
        return self._sizes[key]

    def _footprint(self, alike: Mapping[str, Hashable], shape: tuple[int, ...], grad: bool) -> Footprint:
        """Return the memory of consecutive stages.

        Of more than three alike stages in a row, three are traced, and each further one is taken to keep what the third
        does. This makes deep models quick to cut.

        Args:
            alike: for each stage by name, a key that alike stages have in common.
            shape: the shape of the input, batch included.
            grad: whether the input requires a gradient.
        """
        names = list(alike)
        rows = [list(row) for _, row in groupby(names, key=alike.__getitem__)]
        long = next((row for row in rows if len(row) > 3), None)
        if long is None:
            module = nn.Sequential(OrderedDict((name, self.stages[name]) for name in names))
            return footprint(module, tuple(self._keys[name] for name in names), shape, grad, self.attention)
        three, two = (
            self._footprint({name: alike[name] for name in names if name not in long[few:]}, shape, grad)
            for few in (3, 2)
        )
        return Footprint(three.kept + (len(long) - 3) * (three.kept - two.kept), three.pair)

    def steps(self, ranges: Ranges, optimizer: Optimizer) -> dict[str, Piece]:
        """Return the pieces of an optimizer step of these stages, by stage; they do not depend on the learning rate."""
        key = ranges, optimizer
        if key not in self._steps:
            rule, part = optimizer.model_dump(exclude={"learning_rate"}), self.slice(ranges)
            self._steps[key] = {
                name: Piece(
                    f"{label(type(self.stages[name]).__name__, self._keys[name], *part.left_out(name), rule)} "
                    f"{optimizer.name}",
                    samples=1,
                    bytes_touched=optimizer.passes * trained,
                )
                for name, (_, trained) in part.stage_bytes.items()
                if trained
            }
        return self._steps[key]

    def prices(self, ranges: Ranges) -> dict[Any, Cost]:
        """Return where the parts with these stages keep their costs: those of equal works are worked out once."""
        return self._prices.setdefault(ranges, {})

    def step_prices(self, optimizer: Optimizer) -> dict[tuple[Ranges, ...], Cost]:
        """Return where weights with this optimizer keep the costs of their steps, by the parts that are stepped."""
        return self._step_prices.setdefault(id(optimizer), (optimizer, {}))[1]

    def blank(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """Return a ``meta`` tensor of this shape, which serves as the output of a pass in a dry run."""
        key = shape, dtype
        if key not in self._blanks:
            self._blanks[key] = torch.empty(shape, dtype=dtype, device="meta")
        return self._blanks[key]

    def derived(self, source: Source, ranges: Ranges, weights: Mapping[str, Tensor]) -> Source:
        """Return the features that the frozen prefix of these stages computes from a source.

        The same source and the same weights give the same object, and with it the same cache.

        Args:
            source: the samples.
            ranges: the stages.
            weights: name -> tensor, with the weights of the frozen prefix.
        """
        part = self.slice(ranges)
        tensors = {name: weights[name] for name in part.prefix.names}
        key = (id(source), ranges, *map(id, tensors.values()))
        if key not in self._derived:
            costs = self.stage_costs(ranges, source.shape)[: part.frozen_prefix]
            self._derived[key] = CachedFeatures(
                source,
                partial(part.prefix, tensors),
                costs[-1].shape,
                torch.float32,
                sum(cost.forward for cost in costs),
                held=(source, tensors),
                budget=self._budget,
            )
        return self._derived[key]
