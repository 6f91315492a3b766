"""Accuracy by class, in a client's own mix of classes, and of the worst decile of clients."""

import numpy as np
import pytest
import torch

from simulator.algorithms.fedavg import FedAvg
from simulator.learning.evaluation import Answers, Score, score, worst_decile
from tests.helpers.learners import digits_like, go, make, training
from tests.helpers.models import CLASSES, vit


def answers(right: list[int], samples: list[int], loss: float = 0.0) -> Answers:
    return Answers(torch.tensor(right), torch.tensor(samples), loss)


def test_accuracy_in_a_mix_by_hand() -> None:
    """Half, none and all of three classes, for somebody with one, one and two samples of them."""
    model = answers([2, 0, 5], [4, 3, 5])
    assert model.accuracy_for(np.array([1, 1, 2])) == pytest.approx((0.5 + 0 + 2 * 1) / 4)


def test_in_the_mix_of_the_test_set_it_is_the_accuracy() -> None:
    model = answers([2, 1, 5], [4, 3, 5])
    assert model.accuracy_for(np.array([40, 30, 50])) == pytest.approx(8 / 12)


def test_a_class_without_a_test_sample_is_left_out_and_the_others_count_more() -> None:
    model = answers([1, 0, 3], [2, 0, 4])
    assert model.accuracy_for(np.array([1, 7, 3])) == pytest.approx(0.25 * 0.5 + 0.75 * 0.75)
    assert model.accuracy_for(np.array([0, 7, 0])) is None


def test_a_client_that_nothing_can_be_said_of_is_left_out() -> None:
    model = answers([1, 0, 3], [2, 0, 4], loss=3.0)
    found = score([model], [(model, np.array([1, 0, 0])), (model, np.array([0, 7, 0]))])
    assert found == Score(4 / 6, 0.5, 0.5, 0.5)
    assert score([model], [(model, np.array([0, 7, 0]))]) == Score(4 / 6, 0.5, None, None)


def test_a_model_that_clients_share_counts_once() -> None:
    shared, own, mix = answers([1, 1], [2, 2]), answers([1, 1], [2, 2]), np.array([1, 1])
    assert score([shared], [(shared, mix)] * 3).personal_models == 1
    assert score([shared], [(shared, mix), (own, mix), (shared, mix)]).personal_models == 2


def test_participants_are_a_mean_of_their_own() -> None:
    """Of three clients at 0, 1/2 and 1 the first has not taken part, and of the fourth nothing can be said."""
    model = answers([0, 2, 3, 0], [2, 4, 3, 0])
    personal = [(model, np.eye(4, dtype=int)[label]) for label in range(4)]
    found = score([model], personal, [False, True, True, True])
    assert found[2:6] == (0.5, 0.0, 0.75, 0.5)
    assert score([model], personal, [False, False, False, True])[2:6] == (0.5, 0.0, None, None)
    assert score([model], personal)[2:6] == (0.5, 0.0, None, None)


@pytest.mark.parametrize(("clients", "worst"), [(1, 0.0), (4, 0.0), (10, 0.0), (11, 0.5), (20, 0.5), (21, 1.0)])
def test_the_worst_decile_is_a_tenth_rounded_up(clients: int, worst: float) -> None:
    """Of accuracies 0, 1, 2 and so on: of ten the lowest, of eleven the two lowest."""
    assert worst_decile(list(map(float, reversed(range(clients))))) == worst


def test_personal_accuracy_is_that_of_timm_on_test_samples_repeated_in_the_clients_mix() -> None:
    """Each test sample as often as makes the test set as mixed as the client: counted one by one."""
    _, task = make(FedAvg(), training())
    test = digits_like(40, 7)
    mix = np.array([3, 0, 1, 5, 2])
    with torch.no_grad():
        right = (vit()(test.rows(torch.arange(40))).argmax(1) == test.labels).tolist()
    there = np.bincount(test.labels, minlength=CLASSES)
    weights = [mix[label] / there[label] for label in test.labels.tolist()]
    found = task.evaluate([task.trainable()], [(task.trainable(), mix)])
    assert found is not None
    assert found.personal == pytest.approx(np.average(right, weights=weights))
    assert found.accuracy == pytest.approx(np.mean(right))


def test_a_model_is_looked_at_once_however_many_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run, looked = go(FedAvg(), training(rounds=1)), []
    inner = type(run.task)._answers
    monkeypatch.setattr(type(run.task), "_answers", lambda task, part: looked.append(part) or inner(task, part))
    mix = np.ones(CLASSES)
    shared, other = run.trained, {**run.trained, "head.head.bias": run.trained["head.head.bias"].clone()}
    run.task.evaluate([shared], [(dict(shared), mix), (dict(shared), mix), (other, mix)])
    assert len(looked) == 2


def test_a_model_that_says_nothing_sound_is_right_nowhere() -> None:
    _, task = make(FedAvg(), training())
    broken = {**task.trainable(), "head.head.bias": torch.full((CLASSES,), float("nan"))}
    found = task.evaluate([broken], [(broken, np.array([1, 0, 0, 0, 0]))])
    assert found is not None
    assert (found.accuracy, found.personal) == (0, 0)
