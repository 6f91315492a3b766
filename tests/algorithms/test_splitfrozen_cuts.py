"""SplitFrozen where a policy chooses: adapters that are said bound the cut; those that are not follow it."""

import pytest

from simulator.algorithms.base import UnfitError
from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.algorithms.steps.split import CutPoint
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.trial import run
from simulator.learning.models.lora import Lora
from simulator.scenario.scenario import Scenario
from tests.helpers.learners import go, make, training

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.mark.parametrize(("blocks", "deepest"), [((2, 3), 2), ((1, 3), 1), ((0, 1), 0), (None, 3)])
def test_lora_blocks_bound_the_cut_that_a_policy_may_choose(blocks: tuple[int, int] | None, deepest: int) -> None:
    """Of a model of four blocks, one is left to the server; the device has room for all others."""
    settings = Scenario.model_validate(
        {
            "name": "cuts",
            "world": {"devices": [{"name": "a100", "count": 2}], "server": {"name": "rtx-4090"}},
            "model": {"name": "random", "image_size": 8},
            "data": {"name": "synthetic", "samples": 24, "test_samples": 5, "classes": 5},
            "training": {
                "rounds": 1,
                "clients_per_round": 2,
                "batch_size": 6,
                "optimizer": {"name": "sgd"},
                "lora": {"rank": 2, "blocks": blocks},
            },
            "algorithms": [{"name": "splitfrozen", "cut": {"name": "largest"}}],
        }
    )
    entry = placed(settings, settings.algorithms[0], seed=0)
    assert {place.head for place in entry.algorithm.placement.values()} == {deepest}  # type: ignore[attr-defined]
    adaptation = entry.algorithm.adapt(entry.training)
    assert adaptation.lora.blocks == (blocks or (deepest, None))
    assert run(settings, entry, 0, dry=True).ledger.rounds


def test_a_deeper_one_that_nobody_tried_is_refused() -> None:
    settings = training("lora", lora=Lora(rank=2, blocks=(1, 2)))
    algorithm = SplitFrozen().placed({"phone-0": CutPoint(2, 0), "phone-1": CutPoint(0, 0)})
    _, task = make(algorithm, settings, clients=2, dry=True)
    with pytest.raises(UnfitError, match="some of them have adapters"):
        algorithm.check(task.model, settings)


def test_adapters_that_are_said_stay_where_they_are_with_smaller_heads() -> None:
    algorithm = SplitFrozen().placed({f"phone-{number}": CutPoint(number % 2, 0) for number in range(4)})
    found = go(algorithm, training("lora", lora=Lora(rank=2, blocks=(2, 2))), dry=True)
    assert {name.split(".")[0] for name in found.trained} == {"block2", "head"}
