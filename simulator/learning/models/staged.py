"""The structure of a model: named stages on ``meta`` with a fixed pattern of what is trained; it holds no weights."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property, partial
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from simulator.accounting.costs import Piece
from simulator.accounting.payload import tree_bytes
from simulator.learning.costs.flops import StageCost, stage_cost
from simulator.learning.costs.footprint import Footprint, footprint
from simulator.learning.costs.keys import label, stage_key
from simulator.learning.costs.operations import Pieces, Weighed, pieces
from simulator.learning.data.lazy import Budget, CachedFeatures, Source
from simulator.learning.models.cuts import Ranges

if TYPE_CHECKING:
    from simulator.learning.optimizers.base import Optimizer

FLOAT_BYTES = 4
"""All computing is in float32."""


class Sizes(NamedTuple):
    """What a part does to one batch, in numbers: FLOPs, bytes, and the shape of what comes out (batch included)."""

    forward: int
    backward: int
    late: int  # of backward: gradients of weights, which can come any time after
    activations: int  # bytes read and written between stages, forward
    pair: int  # bytes of the largest input and output of an operation, alive at once
    kept: int  # bytes autograd keeps for the way back; 0 where nothing learns
    shape: tuple[int, ...]
    pieces: Pieces  # what can be timed


class Stretch:
    """Stages in a row, to be called with tensors by name."""

    def __init__(self, stages: Iterable[tuple[str, nn.Module]]) -> None:
        self.module = nn.Sequential(OrderedDict(stages))
        self.names = (*dict(self.module.named_parameters()), *dict(self.module.named_buffers()))

    def __call__(self, tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.module, {name: tensors[name] for name in self.names}, (x,))


class Slice:
    """Some stages of a structure, as one module on ``meta``.

    Attributes:
        trainable, frozen: parameter names (and, as frozen, buffers).
        input_grad: something before the first of these stages learns, so their input gradient is wanted. It is settled
            when the model is cut; a tensor that came over a wire cannot say it.
    """

    def __init__(self, stages: OrderedDict[str, nn.Module], input_grad: bool) -> None:
        self.module = nn.Sequential(stages)
        parameters = dict(self.module.named_parameters())
        self.trainable = tuple(name for name, parameter in parameters.items() if parameter.requires_grad)
        self.names = (*parameters, *dict(self.module.named_buffers()))
        self.frozen = tuple(name for name in self.names if name not in set(self.trainable))
        self.input_grad = input_grad
        self.learns = bool(self.trainable) or input_grad
        self.bytes = tree_bytes(self.module.state_dict())
        self.trainable_bytes = sum(tree_bytes(parameters[name]) for name in self.trainable)

    @cached_property
    def stages(self) -> dict[str, nn.Module]:
        return dict(self.module.named_children())

    @cached_property
    def stage_bytes(self) -> dict[str, tuple[int, int]]:
        """Of each stage: bytes of its weights, and of those of them that are trained."""
        return {
            name: (
                tree_bytes(stage.state_dict()),
                sum(tree_bytes(parameter) for parameter in stage.parameters() if parameter.requires_grad),
            )
            for name, stage in self.stages.items()
        }

    @cached_property
    def frozen_prefix(self) -> int:
        """How many stages stand before the first that learns; 0 where the input itself wants a gradient."""
        if self.input_grad:
            return 0
        learning = [any(p.requires_grad for p in stage.parameters()) for stage in self.stages.values()]
        return learning.index(True) if True in learning else len(learning)

    @cached_property
    def prefix(self) -> Stretch:
        """The stages before the first that learns."""
        return Stretch(list(self.stages.items())[: self.frozen_prefix])

    @cached_property
    def rest(self) -> Stretch:
        """The first stage that learns, and all behind it."""
        return Stretch(list(self.stages.items())[self.frozen_prefix :])


class Staged:
    """A model as a list of stages.

    Args:
        stages: in order, with any weights; they are moved to ``meta``.
        trained: which parameters are trained, by name.
        attention: ``fused`` if the device's attention never writes down the T x T scores, ``math`` if it does.
        remember: whether what a frozen prefix computes is remembered (never changes a charge).
    """

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        trained: Callable[[str], bool],
        attention: str = "fused",
        remember: bool = True,
    ) -> None:
        self.stages = {name: stage.to("meta") for name, stage in stages.items()}
        self.names = list(self.stages)
        self.attention, self.remember = attention, remember
        for name, parameter in nn.ModuleDict(self.stages).named_parameters():
            parameter.requires_grad_(trained(name))
        self._keys = {name: stage_key(stage) for name, stage in self.stages.items()}
        self._learns = [any(p.requires_grad for p in stage.parameters()) for stage in self.stages.values()]
        self._slices: dict[Ranges, Slice] = {}
        self._sizes: dict[tuple[Ranges, tuple[int, ...]], Sizes] = {}
        self._steps: dict[tuple[Ranges, Optimizer], dict[str, Piece]] = {}
        self._blanks: dict[tuple[tuple[int, ...], torch.dtype], Tensor] = {}
        self._derived: dict[tuple[Any, ...], CachedFeatures] = {}
        self._budget = Budget()

    def anew(self) -> Staged:
        """The same for another task: what is known of the structure is shared, what was made of data is not."""
        twin = copy.copy(self)
        twin._derived, twin._budget = {}, Budget()
        return twin

    def __len__(self) -> int:
        return len(self.names)

    @property
    def whole(self) -> Ranges:
        return ((0, len(self)),)

    @property
    def blocks(self) -> range:
        """The stages that are blocks: a cut is counted in them."""
        first = next(i for i, name in enumerate(self.names) if name.startswith("block"))
        return range(first, len(self) - 1)

    @property
    def pools_one_token(self) -> bool:
        """Whether the classifier sees the class token alone."""
        return getattr(self.stages["head"], "pooling", None) == "token"

    def slice(self, ranges: Ranges) -> Slice:
        """These stages as one module; made once."""
        if ranges not in self._slices:
            names = [name for start, stop in ranges for name in self.names[start:stop]]
            stages = OrderedDict((name, self.stages[name]) for name in names)
            self._slices[ranges] = Slice(stages, input_grad=any(self._learns[: ranges[0][0]]))
        return self._slices[ranges]

    def stage_costs(self, ranges: Ranges, shape: tuple[int, ...]) -> list[StageCost]:
        """Of each stage in turn, for one sample of this shape (without the batch)."""
        part, costs = self.slice(ranges), []
        grad = part.input_grad
        for name, stage in part.stages.items():
            costs.append(stage_cost(stage, self._keys[name], shape, grad))
            shape, grad = costs[-1].shape, costs[-1].grad
        return costs

    def sizes(self, ranges: Ranges, shape: tuple[int, ...]) -> Sizes:
        """What these stages do to a batch of this shape (batch included); looked up after the first time."""
        known = ranges, shape
        if known not in self._sizes:
            costs, samples = self.stage_costs(ranges, tuple(shape[1:])), shape[0]
            tensors = [FLOAT_BYTES * torch.Size(each).numel() for each in (shape[1:], *(cost.shape for cost in costs))]
            pairs = [before + after for before, after in pairwise(tensors)]
            part = self.slice(ranges)
            keys = tuple(self._keys[name] for name in part.stages)
            weighed = [
                Weighed(cost, *held, pair)
                for cost, held, pair in zip(costs, part.stage_bytes.values(), pairs, strict=True)
            ]
            inputs = [(tuple(shape[1:]), part.input_grad), *((cost.shape, cost.grad) for cost in costs)]
            alike = dict(zip(part.stages, zip(keys, inputs, strict=False), strict=True))
            memory = self._footprint(alike, shape, part.input_grad)
            self._sizes[known] = Sizes(
                forward=samples * sum(cost.forward for cost in costs),
                backward=samples * sum(cost.backward for cost in costs) if part.learns else 0,
                late=samples * sum(cost.weights for cost in costs) if part.learns else 0,
                activations=samples * sum(pairs),
                pair=memory.pair,
                kept=memory.kept,
                shape=(samples, *costs[-1].shape),
                pieces=pieces(weighed, samples),
            )
        return self._sizes[known]

    def _footprint(self, alike: Mapping[str, Hashable], shape: tuple[int, ...], grad: bool) -> Footprint:
        """Of these stages in a row; ``alike``: what each has in common with others. Of more than three that are alike
        three are looked at, and each further one keeps what the third does: cuts of deep models are found soon."""
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
        """What stepping these stages with this rule is made of, by stage; at whatever rate."""
        known = ranges, optimizer
        if known not in self._steps:
            rule = optimizer.model_dump(exclude={"learning_rate"})
            self._steps[known] = {
                name: Piece(
                    f"{label(type(self.stages[name]).__name__, self._keys[name], rule)} {optimizer.name}",
                    samples=1,
                    bytes_touched=optimizer.passes * trained,
                )
                for name, (_, trained) in self.slice(ranges).stage_bytes.items()
                if trained
            }
        return self._steps[known]

    def blank(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """A ``meta`` tensor of this shape: all that a dry pass needs of its output."""
        known = shape, dtype
        if known not in self._blanks:
            self._blanks[known] = torch.empty(shape, dtype=dtype, device="meta")
        return self._blanks[known]

    def derived(self, source: Source, ranges: Ranges, weights: Mapping[str, Tensor]) -> Source:
        """What the frozen prefix of these stages makes of a source; one object for the same weights."""
        part = self.slice(ranges)
        tensors = {name: weights[name] for name in part.prefix.names}
        known = (id(source), ranges, *map(id, tensors.values()))
        if known not in self._derived:
            costs = self.stage_costs(ranges, source.shape)[: part.frozen_prefix]
            self._derived[known] = CachedFeatures(
                source,
                partial(part.prefix, tensors),
                costs[-1].shape,
                torch.float32,
                sum(cost.forward for cost in costs),
                held=(source, tensors),
                budget=self._budget,
            )
        return self._derived[known]
