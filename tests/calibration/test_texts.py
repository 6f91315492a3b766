"""Calibration of language models: random texts stand for texts, and every piece of a work is in the table."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from simulator.calibration.calibrate import calibrate, unknown
from simulator.calibration.timing import Laps, Timed
from simulator.learning.modalities import TextModality
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import OBJECTIVES
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.scenario import Scenario
from tests.helpers.texts import CLASSES, LENGTH, VOCABULARY, text_model, texts

SIZES = [1, 3]


def modality(task: str) -> TextModality:
    return TextModality(LENGTH, False, task, lambda: pytest.fail("no text is read"), VOCABULARY)


def timed(kind: str, task: str, tied: bool = True) -> tuple[Timed, Part]:
    """Return a small language model to time, and the whole of it with its weights."""
    classes = CLASSES if task == "classification" else None
    tensors, model = adapted(text_model(kind, classes), Adaptation(lambda *_: True, tied=tied), remember=False)
    model.objective = OBJECTIVES[task]
    return Timed(model, Sgd(), modality(task), SIZES), Part(model, Weights(tensors, Sgd(), 0.1), model.whole)


@pytest.mark.parametrize(
    ("kind", "task"), [("gpt2", "next_token"), ("llama", "next_token"), ("bert", "classification")]
)
def test_everything_that_training_and_inference_are_made_of_is_timed(kind: str, task: str) -> None:
    one, part = timed(kind, task)
    laps = Laps()
    one.round(laps)
    ids = texts(3)
    asked = {piece.what for cost in (part.train_step.cost(ids, ids), part.infer.cost(ids)) for piece in cost.made_of}
    assert asked == set(laps.table()) == {piece.what for piece in one.pieces()}
    assert any(what.endswith(" loss") for what in asked) == (task == "next_token")
    assert all(seconds >= 0 for rows in laps.table().values() for _, seconds in rows)
    assert {tuple(samples for samples, _ in rows) for what, rows in laps.table().items() if "sgd" not in what} == {
        (1, 3)
    }


def test_one_table_serves_a_shared_embedding_and_two_apart() -> None:
    shared, apart = ({piece.what for piece in timed("gpt2", "next_token", tied)[0].pieces()} for tied in (True, False))
    assert [what.split()[-1] for what in shared - apart] == ["sgd"], "a step of the head without its weight"
    assert len(apart - shared) == 1


def test_random_texts_are_words_of_the_model_and_have_targets() -> None:
    found = modality("next_token").random(5, (LENGTH, VOCABULARY))
    index = torch.arange(5)
    for values in (found.rows(index), found.targets(index)):
        assert (values.shape, values.dtype) == ((5, LENGTH), torch.int64)
        assert 0 <= int(values.min()) < int(values.max()) < VOCABULARY
    labels = modality("classification").random(5, (CLASSES,)).targets(index)
    assert labels.shape == (5,)
    assert int(labels.max()) < CLASSES


def scenario(**device: Any) -> Scenario:
    shape = {"vocabulary": 40, "width": 16, "positions": 12, "mlp": 24, "blocks": 2, "heads": 2}
    return Scenario.model_validate(
        {
            "name": "calibrated",
            "world": {"devices": [{"name": "raspberry-pi-4", "count": 2, **device}], "server": {"name": "h100"}},
            "model": {"name": "gpt2", "length": 8, "pretrained": False, "keywords": shape},
            "data": {"name": "synthetic_text", "samples": 8, "test_samples": 4, "classes": 2, "task": "next_token"},
            "training": {"rounds": 1, "clients_per_round": 2, "batch_size": 2, "optimizer": {"name": "adamw"}},
            "algorithms": [{"name": "fedavg"}, {"name": "fedlora"}, {"name": "splitfed", "head": 1, "tail": 0}],
        }
    )


def test_a_calibrated_machine_knows_all_pieces_of_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.calibration.calibrate.copied_per_s", lambda device: 1e9)
    found = calibrate(scenario(), repeats=1)
    table = {what: [list(row) for row in rows] for what, rows in found.table.items()}
    assert not list(unknown(scenario(table=table)))
    (line, *_) = unknown(scenario(table={what: rows for what, rows in table.items() if not what.endswith(" loss")}))
    assert "of the pieces of work of fedavg" in line
