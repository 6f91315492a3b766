"""Of many blocks that are alike three are looked at: what all of them need is that of the whole, looked at at once."""

from __future__ import annotations

import pytest

from simulator.learning.costs.footprint import Footprint, footprint
from simulator.learning.costs.keys import stage_key
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.stages.adapters import attach
from tests.helpers.caches import forget
from tests.helpers.models import SIDE, resnet, vit

TRAIN = ("full", "linear", "bias", "prompt", "lora")
SAMPLES = 1
"""Traced as it is: of larger batches two sizes are traced, and `test_footprint` is about these."""


def deep(depth: int, train: str, attention: str, lora: Lora | None = None) -> Staged:
    """A VisionTransformer with so many blocks."""
    prompts = Prompts(length=2) if train == "prompt" else None
    model = vit(depth=depth)
    stages = stages_of(model, prompts.length, prompts.place) if prompts else stages_of(model)
    if train == "lora":
        attach(stages, lora or Lora(rank=2, targets=("q", "v", "fc2")))
    return Staged(stages, TRAINED[train], attention)


def cuts(model: Staged) -> list[Ranges]:
    """The whole; head, body and tail of a cut; and its short cut from head to tail."""
    first, last = model.blocks.start + 1, model.blocks.stop - 1
    return [model.whole, ((0, last),), ((first, last),), ((first, len(model)),), ((0, first), (last, len(model)))]


def both(model: Staged, ranges: Ranges) -> tuple[Footprint, Footprint]:
    """What the structure says of these stages, and what all of them together say when they are run."""
    image = (3, SIDE, SIDE)
    shapes = [image, *(cost.shape for cost in model.stage_costs(model.whole, image))]
    shape = (SAMPLES, *shapes[ranges[0][0]])
    part, sizes = model.slice(ranges), model.sizes(ranges, shape)
    keys = ("the whole", *map(stage_key, part.stages.values()))  # so that nothing remembered is taken for it
    return Footprint(sizes.kept, sizes.pair), footprint(part.module, keys, shape, part.input_grad, model.attention)


@pytest.mark.parametrize(
    ("train", "attention"),
    [
        *((train, "fused") for train in TRAIN),
        ("full", "math"),
        *(pytest.param(train, "math", marks=pytest.mark.slow) for train in TRAIN if train != "full"),
    ],
)
def test_equal_blocks_in_a_row(train: str, attention: str) -> None:
    model = deep(7, train, attention)
    for ranges in cuts(model):
        found, whole = both(model, ranges)
        assert found == whole, ranges


@pytest.mark.parametrize("train", ["full", "lora"])
def test_one_more_than_is_looked_at(train: str) -> None:
    model = deep(4, train, "fused")
    found, whole = both(model, model.whole)
    assert found == whole


@pytest.mark.parametrize("attention", ["fused", pytest.param("math", marks=pytest.mark.slow)])
def test_two_kinds_of_rows(attention: str) -> None:
    """Adapters in the last five of nine blocks: four that learn nothing, and five that do."""
    model = deep(9, "lora", attention, Lora(rank=2, targets=("v",), blocks=(4, 8)))
    for ranges in cuts(model):
        found, whole = both(model, ranges)
        assert found == whole, ranges


@pytest.mark.parametrize("train", ["full", "bias", "linear"])
def test_equal_blocks_of_a_resnet(train: str) -> None:
    """Six blocks in its second stage, of which five are alike."""
    model = Staged(stages_of(resnet(layers=(1, 6, 1, 1))), TRAINED[train])
    for ranges in cuts(model):
        if len(ranges) == 1:  # tail and head do not fit where the channels differ
            found, whole = both(model, ranges)
            assert found == whole, ranges


def test_only_three_of_them_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However deep: or a cut of a deep model would take long to find."""
    from simulator.learning.costs import footprint as module

    looked: list[int] = []
    real = module._count

    def counted(stages: object, *others: object) -> Footprint:
        looked.append(len(stages))  # type: ignore[arg-type]
        return real(stages, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_count", counted)
    forget()
    deep(8, "full", "fused").sizes(((0, 10),), (SAMPLES, 3, SIDE, SIDE))
    assert max(looked) == 3 + 2  # and embedding and classifier
