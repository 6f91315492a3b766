"""Tasks: what is trained, how well it does, and where its tensors are."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Choices, Tokens
from simulator.learning.models.parts import Part
from simulator.learning.objectives import MultipleChoice, NextToken, Objective
from simulator.learning.task import Task
from simulator.settings.errors import UnfitError
from tests.helpers.learners import digits_like, go, make, training
from tests.helpers.models import vit
from tests.helpers.texts import LENGTH, VOCABULARY, text_model


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
    from simulator.learning.objectives import base as module

    scores = []
    for batch in (256, 7):
        monkeypatch.setattr(module, "EVALUATION_BATCH", batch)
        _, task = make(FedAvg(), training())
        scores.append(task.evaluate([task.trainable()]))
    assert scores[0].accuracy == scores[1].accuracy
    assert scores[0].loss == pytest.approx(scores[1].loss, rel=1e-5)


@pytest.mark.parametrize(("objective", "choices"), [(NextToken(), 1), (MultipleChoice(), 3)])
def test_no_evaluation_computes_more_logits_at_once_than_are_allowed(
    monkeypatch: pytest.MonkeyPatch, objective: Objective, choices: int
) -> None:
    """However short the first text is, and however many choices a question has."""
    monkeypatch.setattr("simulator.learning.objectives.base.EVALUATION_VALUES", 2 * LENGTH * VOCABULARY)
    computed: list[int] = []

    def infer(part: Part, x: LazyBatch) -> torch.Tensor:
        computed.append(x.numel() * VOCABULARY)
        return torch.zeros(*x.shape, VOCABULARY)

    monkeypatch.setattr(Part, "infer", infer)
    ids = torch.full((4 * choices, LENGTH), 9, dtype=torch.int32)
    ids[:, 8:], ids[choices:, 8:] = -1, 9
    y, zeros = torch.where(ids < 0, IGNORED, ids), torch.zeros(len(ids), dtype=torch.int64)
    rows = Tokens(ids, zeros, LENGTH, y, longest=True, file_bytes=lambda: None)
    asked = Choices(rows, torch.arange(5) * choices)
    test = Tokens(ids[::choices], zeros[:4], LENGTH, y[::choices], longest=True, file_bytes=lambda: None, choices=asked)
    settings = training()
    Task(text_model("gpt2", None), FedAvg().adapt(settings), settings, test, objective=objective).evaluate([{}])
    assert sum(computed) >= 3 * choices * LENGTH * VOCABULARY
    assert max(computed) <= 2 * LENGTH * VOCABULARY


def test_a_subset_is_what_was_asked_for() -> None:
    settings = training()
    samples = torch.tensor([3, 5, 8])
    task = Task(vit(), FedAvg().adapt(settings), settings, digits_like(40, 7), samples=samples)
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


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """All that is trained of a small ViT."""
    return make(FedAvg(), training())[1].trainable()


def test_a_state_is_sorted_by_stage_and_nothing_is_lost(state: dict[str, torch.Tensor]) -> None:
    _, task = make(FedAvg(), training())
    by_stage = task.stages(state)
    assert list(by_stage) == task.model.names
    assert {name: tensor for entries in by_stage.values() for name, tensor in entries.items()} == state
    assert all(name.startswith("block1.") for name in by_stage["block1"])


def test_stages_of_which_a_state_has_nothing_are_left_out() -> None:
    _, task = make(FedAvg(), training(train="linear"))
    assert list(task.stages(task.trainable())) == ["head"]


def test_what_is_no_parameter_belongs_to_no_stage(state: dict[str, torch.Tensor]) -> None:
    _, task = make(FedAvg(), training())
    with pytest.raises(KeyError, match="'round' is not a parameter of the model"):
        task.stages({**state, "round": torch.tensor(1)})


def test_the_last_blocks_of_a_state_are_those_of_a_tail(state: dict[str, torch.Tensor]) -> None:
    _, task = make(FedAvg(), training())
    for blocks in range(len(task.model.blocks)):
        assert task.last(state, blocks).keys() == task.trainable(task.cut(0, blocks).tail).keys()
    assert {name.partition(".")[0] for name in task.last(state, 1)} == {task.model.names[-2], "head"}


@pytest.mark.parametrize("blocks", [-1, 99])
def test_no_more_blocks_than_the_model_has(blocks: int, state: dict[str, torch.Tensor]) -> None:
    _, task = make(FedAvg(), training())
    with pytest.raises(UnfitError, match=f"the model has {len(task.model.blocks)} blocks"):
        task.last(state, blocks)
