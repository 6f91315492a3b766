"""What a model costs a device, by stage and by cut. From shapes alone, on ``meta``, without weights.

Every figure is the simulator's own: the code that counts FLOPs, bytes and memory in a trial counts them here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

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
from simulator.settings.terminal import Fitted
from simulator.settings.wording import listed, near_miss
from simulator.world.memory import Memory

if TYPE_CHECKING:
    from simulator.learning.models.staged import Sizes, Staged

OWN_SIZE = 32
"""Height and width of the bundled model's images, in pixels."""
TAILS = (0, 1)
"""Numbers of blocks in the tail for which cuts are shown."""


@dataclass(frozen=True)
class Stage:
    """The costs of one stage, or of the whole model.

    Attributes:
        name: the stage's name, or "whole".
        parameters: number of parameters, buffers excluded.
        trainable: how many of them are trained.
        forward_flops: FLOPs of the forward pass of one sample.
        training_flops: FLOPs of the forward and backward pass of one sample.
        shape: shape of the output for one sample.
        smashed_bytes: bytes of the output for one sample in fp32: what a cut behind this stage sends.
        kept_bytes: bytes that autograd keeps of a batch for the backward pass. For the whole model, a tensor that two
            stages keep counts once.
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
    """The part of a device that keeps its labels (U-shaped), and the traffic of each sample.

    Attributes:
        head: number of blocks in the head.
        tail: number of blocks in the tail, before norm and classifier.
        parameters: number of parameters on the device, buffers excluded.
        trainable: how many of them are trained.
        forward_flops: FLOPs of the device's forward passes of one sample.
        backward_flops: FLOPs of the device's backward passes of one sample.
        bytes_up: bytes that the device sends for one sample, in fp32.
        bytes_down: bytes that the device receives for one sample, in fp32.
        peak_bytes: peak memory of a step with one batch: weights, gradients, what autograd keeps and the largest live
            pair of tensors. Plain SGD is assumed, which has no state.
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
    """A model, the setting in which it was counted, its stages in order, and its cuts.

    Attributes:
        model: the model's name, as in a scenario.
        image_size: height and width of the images, in pixels.
        classes: number of classes.
        train: what is trained: full, linear, bias, prompt or lora.
        batch_size: samples in the batch for which memory is counted.
        keywords: keywords passed to timm.
        whole: all stages as one.
        stages: the stages in order.
        cuts: the cuts, by tail and then by head.
    """

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
        """Return the sheet as plain values, for JSON."""
        return asdict(self)


def sheet(
    name: str,
    image_size: int | None = None,
    classes: int = 10,
    train: str = "full",
    batch_size: int = 32,
    keywords: Mapping[str, Any] | None = None,
) -> Sheet:
    """Count what a model costs, by stage and by cut.

    Args:
        name: the model, as a scenario names it.
        image_size: height and width of the images, in pixels; None: the model's own.
        classes: number of classes.
        train: what is trained: full, linear, bias, prompt or lora (of rank 4, on q and v).
        batch_size: samples in the batch for which memory is counted.
        keywords: keywords for timm, as in a scenario.

    Raises:
        UnfitError: there is no such model, it cannot have this size or these keywords, or ``train`` is unknown.
        NotStagedError: the model cannot be cut, or has no tokens for prompts.
    """
    if train not in TRAINED:
        raise UnfitError("train", None, f'"{train}" is not a way to train{near_miss(train, TRAINED)}', listed(TRAINED))
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
    """Counts the costs of consecutive stages of a model for one batch.

    Args:
        model: the model.
        weights: its weights, on ``meta``.
        batch: the shape of the batch, (samples, channels, height, width).
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
            *self._parameters(start, stop),
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
        parameters, trainable = map(sum, zip(self._parameters(*head_range), self._parameters(*tail_range), strict=True))
        smashed, features = self._bytes(first), self._bytes(last)
        return Cut(
            head,
            tail,
            parameters,
            trainable,
            forward_flops=sum(part_sizes.forward for part_sizes in sizes) // self.samples,
            backward_flops=sum(part_sizes.backward for part_sizes in sizes) // self.samples,
            bytes_up=smashed + features * parts[1].learns,
            bytes_down=features + smashed * bool(parts[0].trainable),
            peak_bytes=self._peak(ends, *sizes),
        )

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
        """Return the peak bytes of one step: head forward, tail forward and backward, head backward."""
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
        """Return the fp32 bytes that cross the boundary before this stage, for one sample."""
        return 4 * math.prod(self.shapes[boundary][1:])

    def _parameters(self, start: int, stop: int) -> tuple[int, int]:
        """Count all parameters of these stages, and the trained ones; buffers do not count."""
        parameters = list(self.model.slice(((start, stop),)).module.parameters())
        return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def tables(found: Sheet) -> Group:
    """Format a sheet as two tables, of its stages and of its cuts."""
    setting = f"{found.image_size} x {found.image_size} pixels, {found.classes} classes, train: {found.train}"
    keywords = f" ({', '.join(f'{key} {value}' for key, value in found.keywords.items())})" if found.keywords else ""
    title = f"{found.model}{keywords}: {setting}, batches of {found.batch_size}"
    stages = _table(title, "stage", "parameters", "trained", "forward", "training", "output", "smashed", "kept")
    for stage in (*found.stages, found.whole):
        if stage is found.whole:
            stages.add_section()
        stages.add_row(
            stage.name,
            *_cells("count", stage.parameters, stage.trainable),
            *_cells("flops", stage.forward_flops, stage.training_flops),
            " x ".join(map(str, stage.shape)),
            *_cells("bytes", stage.smashed_bytes, stage.kept_bytes),
        )
    stages.caption = "FLOPs and smashed bytes (fp32) of one sample; kept: what training holds of a batch."
    title = "On the device, for each cut"
    cuts = _table(title, "head", "tail", "parameters", "trained", "forward", "backward", "up", "down", "memory")
    for point in found.cuts:
        if (point.head, point.tail) == (0, 1):
            cuts.add_section()
        cuts.add_row(
            *map(str, (point.head, point.tail)),
            *_cells("count", point.parameters, point.trainable),
            *_cells("flops", point.forward_flops, point.backward_flops),
            *_cells("bytes", point.bytes_up, point.bytes_down, point.peak_bytes),
        )
    cuts.caption = "Labels stay there. FLOPs and bytes of one sample; memory: peak of a batch, plain SGD."
    return Group(Fitted(stages), Fitted(cuts, keys=2))


def _cells(kind: Kind, *values: float) -> list[str]:
    return [human(kind, value) for value in values]


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _own_size(name: str) -> int:
    """Return the image height and width, in pixels, for which a model was made."""
    import timm  # late, for it takes seconds

    config = timm.get_pretrained_cfg(name) if timm.models.is_model(name) else None
    return int(config.input_size[-1]) if config else OWN_SIZE
