"""What a model asks of a device: per stage, and for each cut. From shapes alone, on ``meta``, with no weights.

Every figure is the simulator's own: FLOPs, bytes and memory are counted by what counts them in a trial.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import timm
from rich import box
from rich.console import Group
from rich.table import Table

from simulator.learning.costs.keys import stage_key
from simulator.learning.costs.operations import Pieces
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build
from simulator.learning.models.cuts import Cut as Ends
from simulator.learning.models.cuts import cut
from simulator.learning.models.lora import Lora
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.stages import TRAINED
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
from simulator.settings.errors import UnfitError
from simulator.settings.humanize import Kind, human
from simulator.settings.wording import listed, near_miss
from simulator.world.memory import Memory

if TYPE_CHECKING:
    from simulator.learning.models.staged import Sizes, Staged

OWN_SIZE = 32
"""Pixels a side, of the bundled model."""
TAILS = (0, 1)


@dataclass(frozen=True)
class Stage:
    """One stage, or all of them.

    Attributes:
        shape: of what comes out, for one sample.
        smashed_bytes: of what comes out, for one sample, fp32: what a cut behind this stage sends.
        kept_bytes: what autograd keeps of a batch for the way back; of all stages, what two of them keep counts once.
    """

    name: str
    parameters: int
    trainable: int
    forward_flops: int
    training_flops: int
    shape: tuple[int, ...]
    smashed_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Cut:
    """What lies on a device that keeps its labels (U-shaped), and what it sends for each sample.

    Attributes:
        peak_bytes: weights, gradients, what autograd keeps and the largest live pair, for a batch; plain SGD, which
            has no state.
    """

    head: int
    tail: int
    parameters: int
    trainable: int
    forward_flops: int
    backward_flops: int
    bytes_up: int
    bytes_down: int
    peak_bytes: int


@dataclass(frozen=True)
class Sheet:
    """A model, what was asked of it, its stages in order, and its cuts."""

    model: str
    image_size: int
    classes: int
    train: str
    batch_size: int
    keywords: dict[str, Any]
    whole: Stage
    stages: tuple[Stage, ...]
    cuts: tuple[Cut, ...]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def sheet(
    name: str,
    image_size: int | None = None,
    classes: int = 10,
    train: str = "full",
    batch_size: int = 32,
    keywords: Mapping[str, Any] | None = None,
) -> Sheet:
    """The sheet of a model.

    Args:
        name: as a scenario names it.
        image_size: pixels a side; by default the model's own.
        classes: of the classifier.
        train: full, linear, bias, prompt or lora (of rank 4, on q and v).
        batch_size: for which memory is counted.
        keywords: of timm's own, as a scenario says them.

    Raises:
        UnfitError: there is no such model, or not at this size or with these keywords, or no such way to train.
        NotStagedError: it is none that can be cut, or has no tokens for prompts.
    """
    if train not in TRAINED:
        raise UnfitError("train", None, f'"{train}" is no way to train{near_miss(train, TRAINED)}', listed(TRAINED))
    size = image_size or _own_size(name)
    prompts, lora = Prompts() if train == "prompt" else None, Lora() if train == "lora" else None
    adaptation = Adaptation(lambda parameter, _: TRAINED[train](parameter), prompts, lora)
    built = build(name, size, classes, seed=0, pretrained=False, dry=True, keywords=keywords)
    tensors, model = adapted(built.model, adaptation)
    counted = _Counted(model, Weights(tensors, Sgd.model_validate({})), (batch_size, 3, size, size))
    stages = [counted.stage(at, at + 1, stage) for at, stage in enumerate(model.names)]
    cuts = [counted.cut(head, tail) for tail in TAILS for head in range(len(model.blocks) - tail)]
    whole = counted.stage(0, len(model), "whole")
    return Sheet(name, size, classes, train, batch_size, dict(keywords or {}), whole, tuple(stages), tuple(cuts))


class _Counted:
    """Counts runs of stages of a model for one batch."""

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
            *self._parameters(start, stop),
            forward_flops=sizes.forward // self.samples,
            training_flops=(sizes.forward + sizes.backward) // self.samples,
            shape=sizes.shape[1:],
            smashed_bytes=self._bytes(stop),
            kept_bytes=sizes.kept,
        )

    def cut(self, head: int, tail: int) -> Cut:
        at = cut(self.model, head, tail)
        (mine,), ((first, last),), (others,) = at
        parts = [self.model.slice(ranges) for ranges in at]
        sizes = [self.sizes(*mine), self.sizes(*others)]
        parameters, trainable = map(sum, zip(self._parameters(*mine), self._parameters(*others), strict=True))
        smashed, features = self._bytes(first), self._bytes(last)
        return Cut(
            head,
            tail,
            parameters,
            trainable,
            forward_flops=sum(each.forward for each in sizes) // self.samples,
            backward_flops=sum(each.backward for each in sizes) // self.samples,
            bytes_up=smashed + features * parts[1].learns,
            bytes_down=features + smashed * bool(parts[0].trainable),
            peak_bytes=self._peak(at, *sizes),
        )

    def sizes(self, start: int, stop: int) -> Sizes:
        """As `Staged.sizes`; but of stages that are alike in every respect three are counted, and each more adds what
        the third one did."""
        if (start, stop) not in self._known:
            if stop - start > 3 and self._kinds[stop - 1] == self._kinds[stop - 2] == self._kinds[stop - 3]:
                before, less = self.sizes(start, stop - 1), self.sizes(start, stop - 2)
                sizes = before._replace(
                    forward=2 * before.forward - less.forward,
                    backward=2 * before.backward - less.backward,
                    late=2 * before.late - less.late,
                    activations=2 * before.activations - less.activations,
                    kept=2 * before.kept - less.kept,
                    pieces=Pieces(),  # nobody asks for them here
                )
            else:
                sizes = self.model.sizes(((start, stop),), self.shapes[start])
            self._known[start, stop] = sizes
        return self._known[start, stop]

    def _peak(self, at: Ends, head: Sizes, tail: Sizes) -> int:
        """Of one step: the head forward, the tail there and back, the head back."""
        memory, parts = Memory(), [Part(self.model, self.weights, ranges) for ranges in (at.head, at.tail)]
        for part, peak, kept in (
            (parts[0], head.kept + head.pair, head.kept),
            (parts[1], tail.kept + tail.pair, 0),
            (parts[0], head.pair if head.kept else 0, -head.kept),
        ):
            memory.begin("device", part, peak)
            memory.end("device", peak, kept)
        return memory.peak_bytes

    def _bytes(self, boundary: int) -> int:
        """What crosses a boundary, for one sample."""
        return 4 * math.prod(self.shapes[boundary][1:])

    def _parameters(self, start: int, stop: int) -> tuple[int, int]:
        """All of them, and those that are trained; buffers are none."""
        parameters = list(self.model.slice(((start, stop),)).module.parameters())
        return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def tables(found: Sheet) -> Group:
    """The sheet as two tables."""
    asked = f"{found.image_size} x {found.image_size} pixels, {found.classes} classes, train: {found.train}"
    shape = f" ({', '.join(f'{key} {value}' for key, value in found.keywords.items())})" if found.keywords else ""
    title = f"{found.model}{shape}: {asked}, batches of {found.batch_size}"
    stages = _table(title, "stage", "parameters", "trained", "forward", "training", "output", "smashed", "kept")
    for each in (*found.stages, found.whole):
        if each is found.whole:
            stages.add_section()
        stages.add_row(
            each.name,
            *_cells("count", each.parameters, each.trainable),
            *_cells("flops", each.forward_flops, each.training_flops),
            " x ".join(map(str, each.shape)),
            *_cells("bytes", each.smashed_bytes, each.kept_bytes),
        )
    stages.caption = "FLOPs and smashed bytes (fp32) of one sample; kept: what training holds of a batch."
    title = "On the device, for each cut"
    cuts = _table(title, "head", "tail", "parameters", "trained", "forward", "backward", "up", "down", "memory")
    for one in found.cuts:
        if (one.head, one.tail) == (0, 1):
            cuts.add_section()
        cuts.add_row(
            *map(str, (one.head, one.tail)),
            *_cells("count", one.parameters, one.trainable),
            *_cells("flops", one.forward_flops, one.backward_flops),
            *_cells("bytes", one.bytes_up, one.bytes_down, one.peak_bytes),
        )
    cuts.caption = "Labels stay there. FLOPs and bytes of one sample; memory: peak of a batch, plain SGD."
    return Group(stages, cuts)


def _cells(kind: Kind, *values: float) -> list[str]:
    return [human(kind, value) for value in values]


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _own_size(name: str) -> int:
    """Pixels a side that a model was made for."""
    config = timm.get_pretrained_cfg(name) if timm.models.is_model(name) else None
    return int(config.input_size[-1]) if config else OWN_SIZE
