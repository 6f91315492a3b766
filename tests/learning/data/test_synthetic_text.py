"""Synthetic texts: the same everywhere, and something that can be learned."""

import hashlib
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.learning.data.datasets.base import Raw
from simulator.learning.data.datasets.synthetic_text import CHOICES, LIKELY, STATES, SyntheticText
from simulator.learning.data.datasets.texts import IGNORED, PADDING, Task
from simulator.settings.errors import UnfitError


class Model:
    """What is known of a model."""

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary


def drawn(task: Task = "classification", **settings: Any) -> Raw:
    return SyntheticText(task=task, **settings).load().check()


@pytest.mark.parametrize(
    ("task", "digest"),
    [
        ("classification", "2da334949c270670"),
        ("next_token", "885108ef8b9a94a5"),
        ("multiple_choice", "0c3436e97847dd9e"),
    ],
)
def test_the_texts_are_the_same_everywhere(task: Task, digest: str) -> None:
    raw, seen = drawn(task, samples=50, test_samples=20), hashlib.sha256()
    for part in (raw.train, raw.test):
        encoded = part.encoded(Model(100), 24)
        seen.update(part.labels.tobytes() + encoded.ids.tobytes())
        seen.update(b"" if encoded.targets is None else encoded.targets.tobytes())
    assert seen.hexdigest()[:16] == digest


@pytest.mark.parametrize("task", get_args(Task))
def test_texts_have_the_wanted_lengths(task: Task) -> None:
    raw = drawn(task, samples=100, words=(5, 12))
    encoded = raw.train.encoded(Model(60), 9)
    whole = raw.train.encoded(Model(60), 20)
    assert (encoded.ids.shape, encoded.ids.dtype, whole.ids.shape) == ((100, 9), np.int32, (100, 20))
    lengths = (whole.ids != PADDING).sum(1)
    assert set(lengths) == set(range(5, 13))
    assert (whole.ids[:, :9] == encoded.ids).all()
    assert encoded.truncated == (lengths > 9).sum()
    assert raw.train.file_bytes().tolist() == (4 * lengths).tolist()
    assert whole.ids.max() < 60
    if whole.targets is not None:
        assert whole.targets.dtype == np.int32
        assert encoded.targets is not None
        for ids, targets in ((whole.ids, whole.targets), (encoded.ids, encoded.targets)):
            rows, places = np.nonzero(targets != IGNORED)
            assert (targets[rows, places] == ids[rows, places + 1]).all()
            assert ((targets != IGNORED).sum(1) >= 1).all()


def test_words_tell_the_class() -> None:
    """A class is found by the words that it prefers in the training texts."""
    raw = drawn(samples=600, test_samples=200, classes=4, words=(16, 16))
    train, test = (part.encoded(Model(500), 16).ids for part in (raw.train, raw.test))
    counts = np.full((4, 500), 0.1)
    np.add.at(counts, (np.repeat(raw.train.labels, 16), train.ravel()), 1)
    scores = np.log(counts / counts.sum(1, keepdims=True))[:, test].sum(2)
    assert (scores.argmax(0) == raw.test.labels).mean() > 0.95


def test_a_token_tells_the_next_one_of_its_class() -> None:
    raw = drawn("next_token", samples=500, classes=3, words=(20, 20))
    train, test = (part.encoded(Model(500), 20).ids for part in (raw.train, raw.test))
    assert len(np.unique(train)) == STATES
    for label in range(3):
        counts = np.zeros((500, 500))
        rows = train[raw.train.labels == label]
        np.add.at(counts, (rows[:, :-1].ravel(), rows[:, 1:].ravel()), 1)
        rows = test[raw.test.labels == label]
        hits = counts.argmax(1)[rows[:, :-1]] == rows[:, 1:]
        assert hits.mean() == pytest.approx(LIKELY + (1 - LIKELY) / STATES, abs=0.03)


def test_the_right_choice_follows_the_chain() -> None:
    raw = drawn("multiple_choice", samples=300, test_samples=100, classes=2, words=(20, 20))
    train, test = raw.train.encoded(Model(300), 20), raw.test.encoded(Model(300), 20)
    assert test.question is not None
    assert test.question.tolist() == np.repeat(np.arange(100), CHOICES).tolist()
    assert set(raw.test.labels) == set(range(CHOICES))
    follows = np.zeros((300, 300))
    np.add.at(follows, (train.ids[:, :-1].ravel(), train.ids[:, 1:].ravel()), 1)
    likely = np.log(0.1 + follows)[test.ids[:, :-1], test.ids[:, 1:]].sum(1).reshape(-1, CHOICES)
    assert (likely.argmax(1) == raw.test.labels).mean() > 0.95
    rows = test.ids.reshape(100, CHOICES, -1)
    assert (rows[:, :, :10] == rows[:, :1, :10]).all()


def test_the_vocabulary_is_the_models_own_or_smaller() -> None:
    assert drawn(vocabulary=30).train.encoded(Model(1000), 32).ids.max() == 29
    with pytest.raises(UnfitError, match="the model has 20 token ids"):
        drawn(vocabulary=30).train.encoded(Model(20), 32)
    with pytest.raises(UnfitError, match="9 token ids are too few for 5 classes"):
        drawn(classes=5).train.encoded(Model(9), 32)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"samples": 2, "classes": 3}, "2 samples do not show all of 3 classes"),
        ({"words": (5, 4)}, "the shortest texts have 5 tokens, and the longest 4"),
        ({"words": (1, 4), "task": "next_token"}, "the shortest texts have one token, and none follows it"),
        ({"words": (0, 4)}, "greater than 0"),
        ({"task": "translation"}, "Input should be 'classification', 'next_token' or 'multiple_choice'"),
    ],
)
def test_impossible_settings(settings: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SyntheticText(**settings)
