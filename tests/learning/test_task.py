"""Tasks: what is trained, how well it does, and where its tensors are."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.learning.task import Task
from tests.helpers.learners import STATISTICS, digits_like, go, make, training
from tests.helpers.models import vit


def test_a_score_is_that_of_timm_on_all_test_samples() -> None:
    _, task = make(FedAvg(), training())
    score = task.evaluate([task.trainable()])
    assert score is not None
    test = digits_like(40, 7)
    with torch.no_grad():
        logits = vit()(test.rows(torch.arange(40)))
    assert score.accuracy == pytest.approx(float((logits.argmax(1) == test.labels).float().mean()))
    assert score.loss == pytest.approx(float(cross_entropy(logits, test.labels)), rel=1e-5)


def test_a_score_does_not_depend_on_how_many_are_evaluated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator.learning import task as module

    scores = []
    for batch in (256, 7):
        monkeypatch.setattr(module, "EVALUATION_BATCH", batch)
        _, task = make(FedAvg(), training())
        scores.append(task.evaluate([task.trainable()]))
    assert scores[0].accuracy == scores[1].accuracy
    assert scores[0].loss == pytest.approx(scores[1].loss, rel=1e-5)


def test_a_subset_is_what_was_asked_for() -> None:
    settings = training()
    samples = torch.tensor([3, 5, 8])
    task = Task(vit(), FedAvg().adapt(settings), settings, digits_like(40, 7), samples=samples, statistics=STATISTICS)
    score = task.evaluate([task.trainable()])
    assert score is not None
    test = digits_like(40, 7)
    with torch.no_grad():
        logits = vit()(test.rows(samples))
    assert score.loss == pytest.approx(float(cross_entropy(logits, test.labels[samples])), rel=1e-5)


def test_evaluation_sees_what_was_trained() -> None:
    run = go(FedAvg(), training(rounds=6, clients_per_round=4, train="linear"))
    before, after = (run.task.evaluate([state]) for state in (run.task.trainable(), run.trained))
    assert after.loss < before.loss


def test_a_dry_task_has_no_score() -> None:
    _, task = make(FedAvg(), training(), dry=True)
    assert task.dry
    assert task.evaluate([task.trainable()]) is None


@pytest.mark.parametrize(
    ("train", "parameters"),
    [("full", sum(p.numel() for p in vit().parameters())), ("linear", 16 * 5 + 5), ("prompt", 4 * 16 + 16 * 5 + 5)],
)
def test_trainable_parameters(train: str, parameters: int) -> None:
    _, task = make(FedAvg(), training(train))
    assert task.trainable_parameters == parameters


def test_prompts_depend_on_the_seed_and_other_weights_do_not() -> None:
    tasks = [make(SFPrompt(), training(), seed=seed)[1] for seed in (0, 0, 1)]
    tokens = [task.backbone["prompt.tokens"] for task in tasks]
    assert torch.equal(tokens[0], tokens[1])
    assert not torch.equal(tokens[0], tokens[2])
    assert torch.equal(tasks[0].backbone["head.head.weight"], tasks[2].backbone["head.head.weight"])


def test_the_rate_follows_the_schedule_and_an_algorithms_own_base() -> None:
    settings = training(rounds=4, schedule={"name": "step", "every": 2, "gamma": 0.5})
    _, task = make(FedAvg(), settings)
    assert [task.learning_rate(number) for number in (1, 2, 3)] == pytest.approx([0.1, 0.1, 0.05])
    assert task.learning_rate(3, base=2.0) == pytest.approx(1.0)
    assert task.weights({}, 3).learning_rate == pytest.approx(0.05)
