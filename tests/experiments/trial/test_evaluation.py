"""Whose models are evaluated: each distinct one once, each client's own on its own mix, of all or of some clients."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.local import Local
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.experiments.run.personal import participants
from simulator.experiments.run.tables import rounds_frame, summarise
from simulator.experiments.trial.evaluation import Evaluation
from simulator.experiments.trial.trial import run
from simulator.learning.models.stages import stages_of
from simulator.learning.task import Task
from simulator.scenario.scenario import ScenarioError
from tests.helpers.learners import digits_like, go, make, training
from tests.helpers.models import CLASSES, vit
from tests.helpers.small_trials import PERSONAL, outcomes, scenario

pytestmark = pytest.mark.usefixtures("small_model")

UNEVEN = {"partition": {"name": "dirichlet", "alpha": 1.0, "min_samples": 1}}
MANY = {"samples": 200}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A note for each pass of a model through the test samples."""
    notes: list[Any] = []
    inner = Task._answers
    monkeypatch.setattr(Task, "_answers", lambda task, part: notes.append(part) or inner(task, part))
    return notes


@pytest.mark.parametrize("label", ["fl", "v2", "sfp", "centralized", "in-turn"])
def test_one_model_is_one_pass_however_many_clients(label: str, tmp_path: Path, looked: list[Any]) -> None:
    outcome = outcomes(scenario(tmp_path, [label]), dry=False)[label]
    assert len(looked) == len(outcome.rounds) == 3
    assert all(point.score.personal is not None for point in outcome.rounds if point.score)


def test_models_of_ones_own_are_a_pass_each_beside_the_common_one(tmp_path: Path, looked: list[Any]) -> None:
    outcome = outcomes(scenario(tmp_path, ["ditto"]), dry=False)["ditto"]
    engaged = [{row.client for row in outcome.ledger.engagements if row.round <= number} for number in range(3)]
    assert len(looked) == sum(1 + len(clients) for clients in engaged)


def test_a_dry_run_looks_at_nothing(tmp_path: Path, looked: list[Any]) -> None:
    outcome = outcomes(scenario(tmp_path, ["ditto"]), dry=True)["ditto"]
    assert looked == []
    summary = summarise(outcome, None)
    assert all((summary | participants(outcome))[column] is None for column in PERSONAL)
    assert rounds_frame(outcome)[list(PERSONAL)].isna().all(axis=None)


def test_all_algorithms_begin_with_the_same_personal_accuracy(tmp_path: Path) -> None:
    found = outcomes(scenario(tmp_path, ["fl", "alone", "ditto", "v1"], data=UNEVEN, evaluation=MANY), dry=False)
    scores = {outcome.rounds[0].score for outcome in found.values()}
    assert len(scores) == 1
    score = scores.pop()
    assert score is not None
    assert score.personal_worst < score.personal


def test_personal_accuracy_of_local_training_by_hand() -> None:
    """Two of three clients trained; each model's test answers, weighted by the client's classes one by one."""
    done = go(Local(), training(rounds=1, clients_per_round=2), clients=3, samples=20)
    assert sum(has_trained(client) for client in done.clients) == 2
    test, each = digits_like(40, 7), []
    there = np.bincount(test.labels, minlength=CLASSES)
    for client in done.clients:
        stages = stages_of(vit())
        parts = nn.ModuleDict(stages)
        parts.load_state_dict({**parts.state_dict(), **(client.store(PersonalModel).tensors or {})})
        with torch.no_grad():
            logits = nn.Sequential(*stages.values())(test.rows(torch.arange(40)))
        shares = np.bincount(client.data.labels, minlength=CLASSES) / there
        each.append(np.average((logits.argmax(1) == test.labels).numpy(), weights=shares[test.labels]))
    score = Evaluation(done.clients, CLASSES).score(Local(), done.world, done.task, done.state)
    assert score is not None
    assert score.personal == pytest.approx(np.mean(each), abs=1e-6)
    assert score.personal_worst == pytest.approx(min(each), abs=1e-6)


def test_participants_are_those_that_were_in_a_cohort() -> None:
    """Their figures are those of an evaluation of them alone, whose names are those in the ledger."""
    done = go(Local(), training(rounds=2, clients_per_round=2), clients=9, samples=20)
    engaged = {row.client for row in done.world.ledger.engagements}
    theirs = [client for client in done.clients if client.name in engaged]
    assert 2 <= len(theirs) <= 4
    everybody, alone = (
        Evaluation(clients, CLASSES).score(Local(), done.world, done.task, done.state)
        for clients in (done.clients, theirs)
    )
    assert everybody is not None
    assert alone is not None
    assert (everybody.participants, everybody.participants_worst) == (alone.personal, alone.personal_worst)
    assert everybody.participants != everybody.personal


def test_before_the_first_round_nobody_has_taken_part(tmp_path: Path) -> None:
    score = outcomes(scenario(tmp_path, ["alone"]), dry=False)["alone"].rounds[0].score
    assert score is not None
    assert score.participants is score.participants_worst is None


def test_where_all_take_part_the_participants_are_all(tmp_path: Path) -> None:
    everybody = {"clients_per_round": 100, "rounds": 1, "train": "linear"}
    score = outcomes(scenario(tmp_path, ["alone"], training=everybody), dry=False)["alone"].rounds[-1].score
    assert score is not None
    assert score.personal is not None
    assert (score.participants, score.participants_worst) == (score.personal, score.personal_worst)


def test_some_clients_are_the_same_whatever_the_algorithm_and_the_seed(tmp_path: Path) -> None:
    worlds = [make(FedAvg(), training(), clients=9, seed=seed)[0] for seed in (0, 1)]
    names = [[client.name for client in Evaluation(world.clients, CLASSES, 4).clients] for world in worlds]
    assert names[0] == names[1]
    assert len(set(names[0])) == 4
    assert len(Evaluation(worlds[0].clients, CLASSES).clients) == 9


def test_with_some_clients_only_their_models_are_looked_at(tmp_path: Path, looked: list[Any]) -> None:
    everybody = {"clients_per_round": 100, "rounds": 1, "train": "linear"}
    small = scenario(tmp_path, ["alone"], training=everybody, evaluation={"clients": 3})
    outcomes(small, dry=False)
    assert len(looked) == 1 + 3


def test_more_clients_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ScenarioError, match=r"evaluation\.clients is 101: the world has 100 devices.*1 to 100, or null"
    ):
        scenario(tmp_path, ["fl"], evaluation={"clients": 101})


def test_the_last_rounds_figures_are_the_summarys(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["pfedme"], data=UNEVEN)
    outcome = run(small, small.algorithms[0], 0)
    summary, rounds = summarise(outcome, None) | participants(outcome), rounds_frame(outcome)
    columns = list(PERSONAL)
    assert list(rounds.columns[-5:]) == [*columns, "updates"]
    assert rounds.iloc[-1][columns].tolist() == [summary[column] for column in columns]
    score = outcome.rounds[-1].score
    assert score is not None
    assert [summary[column] for column in columns] == list(score[2 : 2 + len(columns)])
    assert 0 <= score.personal_worst <= score.personal <= 1
    assert 0 <= score.participants_worst <= score.participants <= 1


def test_evaluating_personal_models_changes_no_figure_of_the_world(tmp_path: Path) -> None:
    some, every = (
        outcomes(scenario(tmp_path, ["ditto"], evaluation=evaluation), dry=False)["ditto"]
        for evaluation in ({"clients": 1, "every": 2}, {"clients": None, "every": 1})
    )
    assert some.ledger == every.ledger
