"""How strong a pull may be: where steps along it alone still come to rest."""

import pytest
import torch

from simulator.algorithms.base import Algorithm, UnfitError
from simulator.algorithms.ditto import Ditto
from simulator.algorithms.fedprox import FedProx
from simulator.algorithms.flexp_sfl import FlexPSFL
from simulator.algorithms.pfedme import PFedMe
from simulator.algorithms.steps.proximal import check_pull
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.learners import go, training

HERE = training(rounds=1, clients_per_round=1)


def left(strength: float, optimizer: Sgd) -> float:
    """How far from its anchor a weight is after many steps that follow nothing but the pull."""
    weight, slots = torch.ones(1, dtype=torch.float64), {}
    for _ in range(2000):
        weight = optimizer.step(weight, strength * weight, slots, optimizer.learning_rate, in_place=False)
    return abs(float(weight))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_bound_is_where_steps_of_sgd_run_away(momentum: float) -> None:
    optimizer = Sgd(learning_rate=0.2, momentum=momentum)
    bound = 2 * (1 + momentum) / 0.2
    assert left(0.99 * bound, optimizer) < 1e-3
    assert not left(1.01 * bound, optimizer) < 1e3
    check_pull("lam", 0.99 * bound, optimizer)
    for strength in (1.0001 * bound, 1.01 * bound):
        with pytest.raises(UnfitError) as caught:
            check_pull("lam", strength, optimizer)
        assert (caught.value.key, caught.value.value) == ("lam", strength)
        assert caught.value.allowed == f"less than {bound:g}, or a lower learning rate"


def test_adaptive_steps_are_not_refused() -> None:
    check_pull("lam", 1e6, AdamW(learning_rate=1.0))


def test_pfedme_looks_at_the_optimizers_rate() -> None:
    model = go(PFedMe(), HERE, clients=1).task.model
    far = training(optimizer={"name": "sgd", "learning_rate": 0.2})
    with pytest.raises(UnfitError, match="steps overshoot what they are drawn to") as caught:
        PFedMe().check(model, far)
    assert (caught.value.key, caught.value.allowed) == ("lam", "less than 10, or a lower learning rate")
    PFedMe(lam=9.0).check(model, far)
    PFedMe().check(model, training(optimizer={"name": "sgd", "learning_rate": 0.2, "momentum": 0.9}))


@pytest.mark.parametrize(("key", "algorithm"), [("mu", FedProx(mu=21.0)), ("weight", FlexPSFL(weight=21.0))])
def test_all_that_pull_look_at_it(key: str, algorithm: Algorithm) -> None:
    model = go(algorithm, training(rounds=1, clients_per_round=1, optimizer={"name": "adamw"}), clients=1).task.model
    with pytest.raises(UnfitError, match="steps overshoot") as caught:
        algorithm.check(model, HERE)
    assert caught.value.key == key
    algorithm.model_copy(update={key: 19.0}).check(model, HERE)


def test_an_alignment_that_does_not_pull_may_weigh_more() -> None:
    algorithm = FlexPSFL(weight=21.0, alignment="distillation")
    algorithm.check(go(algorithm, HERE, clients=1).task.model, HERE)


def test_ditto_looks_at_the_rate_of_the_personal_model() -> None:
    model = go(Ditto(), HERE, clients=1).task.model
    Ditto(lam=19.0).check(model, HERE)
    Ditto(lam=30.0, personal_learning_rate=0.05).check(model, HERE)
    with pytest.raises(UnfitError):
        Ditto(lam=30.0).check(model, HERE)
    with pytest.raises(UnfitError):
        Ditto(lam=3.0, personal_learning_rate=1.0).check(model, HERE)
