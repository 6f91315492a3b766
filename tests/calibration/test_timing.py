"""Timing of stages, by a clock that stages themselves move: each is given the seconds it took, and nobody another's."""

from collections import OrderedDict
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from simulator.calibration import machine, timing
from simulator.calibration.timing import ALIKE, Laps, Timed, averaged, few_alike
from simulator.learning.modalities import ImageModality
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
from simulator.learning.training import averaging
from simulator.world.hardware import Measured
from tests.helpers.models import CLASSES, SIDE, pictures, staged, vit, weights_of

IMAGES = ImageModality(((0.5,) * 3, (0.5,) * 3), SIDE)


class Clock:
    """Stands still but for what moves it."""

    def __init__(self) -> None:
        self.seconds, self.factor = 0.0, 1.0

    def wait(self, seconds: float) -> None:
        self.seconds += self.factor * seconds

    def now(self, device: str = "cpu") -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "now", clock.now)
    return clock


class _Slowly(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, clock: Clock, forward: float, backward: float) -> Tensor:
        context.clock, context.backward = clock, backward
        clock.wait(len(x) * forward)
        return x.clone()

    @staticmethod
    def backward(context: Any, grad: Tensor) -> Any:
        context.clock.wait(len(grad) * context.backward)
        return grad, None, None, None


class Slow(nn.Module):
    """A stage that takes so many seconds a sample, there and back."""

    def __init__(self, clock: Clock, forward: float, backward: float, classes: int | None = None) -> None:
        super().__init__()
        self.clock, self.there, self.back, self.classes = clock, forward, backward, classes or ()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _Slowly.apply(self.weight * x, self.clock, self.there, self.back)
        return y.flatten(1)[:, : self.classes] if self.classes else y


SLOW = {"embed": (1, 2), "block0": (3, 4), "block1": (3, 4), "block2": (5, 6), "head": (7, 8)}


def slow(clock: Clock, trained: Any = lambda name: True, remember: bool = False) -> Staged:
    stages = OrderedDict(
        (name, Slow(clock, *seconds, CLASSES if name == "head" else None)) for name, seconds in SLOW.items()
    )
    return Staged(stages, trained, remember=remember)


def seconds(model: Staged, laps: Laps, size: int, kind: str) -> list[float]:
    """What was found for each stage of a model in turn."""
    table = {what: dict(rows) for what, rows in laps.table().items()}
    pieces = model.sizes(model.whole, (size, 3, SIDE, SIDE)).pieces
    return [table[piece.what][piece.samples] for piece in getattr(pieces, kind)]


def test_each_stage_is_given_its_own_seconds(clock: Clock) -> None:
    model, laps = slow(clock), Laps()
    Timed(model, Sgd(), IMAGES, [1, 4]).round(laps)
    for size in (1, 4):
        assert seconds(model, laps, size, "infer") == [size * there for there, _ in SLOW.values()]
        assert seconds(model, laps, size, "forward") == [size * there for there, _ in SLOW.values()]
        assert seconds(model, laps, size, "backward") == [size * back for _, back in SLOW.values()]


def test_there_is_no_way_back_through_what_is_frozen(clock: Clock) -> None:
    model, laps = slow(clock, lambda name: name.startswith(("block2", "head"))), Laps()
    Timed(model, Sgd(), IMAGES, [2]).round(laps)
    assert seconds(model, laps, 2, "forward") == [2 * there for there, _ in SLOW.values()]
    assert seconds(model, laps, 2, "backward") == [2 * 6, 2 * 8]


def test_the_table_gives_the_seconds_of_a_whole_work_back(clock: Clock) -> None:
    model, laps = slow(clock), Laps()
    Timed(model, Sgd(), IMAGES, [1, 4]).round(laps)
    part = Part(model, weights_of({f"{name}.weight": torch.ones(1) for name in SLOW}), model.whole)
    x, y = pictures(3)
    machine = Measured(1.0, table=laps.table())
    for work in (part.el2n, part.loss_backward, part.train_step):
        predicted, begun = machine.seconds(work.cost(x, y)), clock.now()
        work(x, y)
        assert predicted == pytest.approx(clock.now() - begun, rel=1e-12), work


def test_medians_over_rounds_and_means_over_stages_that_are_alike(clock: Clock) -> None:
    model, laps = slow(clock), Laps()
    timed = Timed(model, Sgd(), IMAGES, [1])
    for clock.factor in (1.0, 100.0, 2.0):
        timed.round(laps)
    assert seconds(model, laps, 1, "forward") == [2 * there for there, _ in SLOW.values()]
    piece = next(iter(timed.pieces()))
    laps = Laps()
    laps.add([(piece, 1.0), (piece, 5.0)])
    laps.add([(piece, 7.0), (piece, 7.0)])
    laps.add([(piece, 4.0), (piece, 0.0)])
    assert laps.table() == {piece.what: ((1, 3.0),)}


class SlowRule(Sgd):
    """A rule whose first step of a tensor takes 7 s, and whose others take 1 s."""

    clock: ClassVar[Clock]

    def step(self, weight: Tensor, grad: Tensor, slots: dict[str, Any], learning_rate: float, in_place: bool) -> Tensor:
        self.clock.wait(1.0 if slots else 7.0)
        slots["known"] = True
        return weight


@pytest.mark.parametrize(("steps", "expected"), [(None, 1.0), (1, 7.0), (2, 4.0), (3, 3.0), (6, 2.0)])
def test_a_step_is_the_mean_of_the_first_and_those_that_follow(
    steps: int | None, expected: float, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowRule, "clock", clock, raising=False)
    rule, laps = SlowRule(), Laps()
    timed = Timed(slow(clock), rule, IMAGES, [1], steps=steps)
    timed.round(Laps())  # without an end, the first step is never met again
    timed.round(laps)
    table = laps.table()
    assert [table[piece.what] for piece in timed.model.steps(timed.model.whole, rule).values()] == [
        ((1, expected),)
    ] * 5


def test_a_mean_of_updates_is_timed_by_the_kib_of_all_of_them() -> None:
    one = {"a": torch.zeros(256), "b": torch.ones(512)}  # 1 KiB and 2 KiB
    means = list(averaged(one, 5))
    costs = [averaging.weighted_mean.cost(values, [1.0] * len(values)) for values in means]
    assert [cost.samples for cost in costs] == [1, 1 * 3, 2 * 3, 4 * 3, 5 * 3]
    tensors = [tensor for update in means[-1] for tensor in update.values()]
    assert len({tensor.data_ptr() for tensor in tensors}) == 2 * 5, "each is read from a place of its own"
    assert not list(averaged(one, 0))
    assert not list(averaged({}, 5))


def test_there_are_no_more_updates_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"a": torch.zeros(256)}
    for limit, most in ((3 * 1024, 3), (1, 1)):
        monkeypatch.setattr(timing, "UPDATES_BYTES", limit)
        assert max(map(len, averaged(one, 100))) == most


def test_a_mean_is_given_the_seconds_it_takes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averaging.weighted_mean, "run", lambda values, weights: clock.wait(len(values)))
    model, tensors = staged(vit(), remember=False)
    timed, laps = Timed(model, Sgd(), IMAGES, [1, 2], updates=3), Laps()
    timed.round(laps)
    size = 4 * sum(tensor.numel() for tensor in tensors.values()) / 1024
    rows = dict(laps.table()["weighted_mean"])
    assert {count: rows[round(count * size)] for count in (1, 2, 3)} == {1: 1.0, 2: 2.0, 3: 3.0}
    assert len(rows) == 4
    assert {piece.samples for piece in timed.pieces() if piece.what == "weighted_mean"} == set(rows)


@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_everything_that_training_and_scoring_is_made_of_is_timed(train: str) -> None:
    model, tensors = staged(vit(), train, prompts=2 if train == "prompt" else 0, remember=False)
    timed, laps = Timed(model, Sgd(momentum=0.9), IMAGES, [1, 3]), Laps()
    timed.round(laps)
    part = Part(model, Weights(tensors, Sgd(momentum=0.9), 0.1), model.whole)
    x, y = pictures(3)
    asked = {piece.what for work in (part.train_step, part.el2n) for piece in work.cost(x, y).made_of}
    assert asked == set(laps.table()) == {piece.what for piece in timed.pieces()}
    assert all(second >= 0 for rows in laps.table().values() for _, second in rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU on this machine")
def test_a_gpu_is_timed_alike() -> None:
    model, _ = staged(vit(), remember=False)
    laps, timed = Laps(), Timed(model, Sgd(), IMAGES, [1, 3], "cuda")
    timed.round(laps)
    assert set(laps.table()) == {piece.what for piece in timed.pieces()}


@pytest.mark.parametrize(("memory", "copied"), [(141 * 2**30, 2 * 2**30), (4 * 2**30, 2**29)])
def test_a_gpu_copies_more_than_a_processor_and_no_more_than_it_has(
    memory: int, copied: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda device: memory)
    assert machine.copied_bytes("cuda") == copied
    assert machine.copied_bytes("cpu") == 128 * 2**20


def test_no_more_of_stages_that_are_alike_than_it_takes() -> None:
    model, _ = staged(vit(depth=ALIKE + 3), "bias", remember=False)
    ranges = few_alike(model, (3, SIDE, SIDE))
    names = [model.names[at] for at, _ in ranges]
    assert names == ["embed", *(f"block{number}" for number in range(ALIKE)), "head"]
    left = {cost.label for cost in model.stage_costs(ranges, (3, SIDE, SIDE))}
    assert left == {cost.label for cost in model.stage_costs(model.whole, (3, SIDE, SIDE))}


def test_a_short_model_is_timed_whole() -> None:
    model, _ = staged(vit(), remember=False)
    assert few_alike(model, (3, SIDE, SIDE)) == tuple((at, at + 1) for at in range(len(model)))


def test_what_is_remembered_cannot_be_timed(clock: Clock) -> None:
    with pytest.raises(AssertionError, match="remembered"):
        Timed(slow(clock, remember=True), Sgd(), IMAGES, [1])
