"""The twin of SFPrompt against the simulator: local loss, scores, and split training on what pruning kept."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.accounting.twins.base import Work
from simulator.accounting.twins.sfprompt import PromptDevice, sfprompt
from simulator.algorithms.sfprompt import SFPrompt
from simulator.learning.models.prompts import Prompts
from tests.helpers.twins import IMAGE, Toy, batches, u_shaped

SAMPLES = (10, 19, 7, 16)
PROMPTS = 2
"""Prompts are tokens at a cut, too."""


@pytest.mark.parametrize("changes", [{}, {"keep": "random"}, {"split_epochs": 2, "local_epochs": 3}])
def test_a_round(changes: dict[str, Any]) -> None:
    algorithm = SFPrompt(prompts=Prompts(length=PROMPTS), keep_fraction=0.6, **changes)
    toy = Toy(algorithm, SAMPLES)
    cut = toy.task.cut(1, 1)
    trained = toy.trained(toy.task.model.whole)

    def short(at: int, size: int, back: bool) -> Work:
        sizes = toy.sizes(cut.short, size, IMAGE)
        return toy.on(at, sizes.forward + back * sizes.backward)

    def device(at: int, shard: int) -> PromptDevice:
        kept, own = int(0.6 * shard + 1e-9), algorithm
        return PromptDevice(
            toy.down(at, trained),
            [(times, short(at, size, True)) for times, size in batches(shard, epochs=own.local_epochs)],
            [(times, short(at, size, False)) for times, size in batches(shard)] if own.keep != "random" else [],
            [(times, u_shaped(toy, at, size, 5 + PROMPTS)) for times, size in batches(kept, epochs=own.split_epochs)],
            toy.up(at, trained),
        )

    toy.check(sfprompt([device(at, shard) for at, shard in enumerate(SAMPLES)]))
