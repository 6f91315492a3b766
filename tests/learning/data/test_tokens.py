"""Texts in memory: looked up as they are, padded to one length or to the longest of a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from simulator.learning.data.datasets.texts import IGNORED, PADDING
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Choices, Tokens

LENGTH = 20
WORDS = [3, 8, 9, 20]
SHAPES = {(0,): 8, (1,): 8, (0, 1): 8, (2,): 16, (0, 2): 16, (3, 0): 20, (): 20}
"""By the rows of a batch, its length: that of the longest text, on to a multiple of eight, 20 at most."""


def tokens(longest: bool = True, predicts: bool = True, **settings: Any) -> Tokens:
    """Four texts, in each of which the ids count from 0, and the next one is to be predicted."""
    ids = torch.arange(LENGTH, dtype=torch.int32).repeat(len(WORDS), 1)
    targets = ids + 1
    for row, words in enumerate(WORDS):
        ids[row, words:] = PADDING
        targets[row, words - 1 :] = IGNORED
    labels = torch.tensor([0, 1, 0, 1])
    given = targets if predicts else None
    return Tokens(ids, labels, LENGTH, given, longest=longest, file_bytes=lambda: WORDS, **settings)


@pytest.mark.parametrize(("rows", "length"), SHAPES.items())
def test_a_batch_is_as_long_as_its_longest_text(rows: tuple[int, ...], length: int) -> None:
    texts, index = tokens(), torch.tensor(rows, dtype=torch.int64)
    assert texts.shape_of(index) == (length,)
    assert LazyBatch(texts, index).shape == texts.rows(index).shape == texts.targets(index).shape == (len(rows), length)


def test_what_is_looked_up_is_what_was_given() -> None:
    texts, index = tokens(), torch.tensor([1, 0])
    ids, targets = texts.rows(index), texts.targets(index)
    assert ids.tolist() == [list(range(8)), [0, 1, 2, *[PADDING] * 5]]
    assert targets.tolist() == [[*range(1, 8), IGNORED], [1, 2, *[IGNORED] * 6]]
    assert ids.dtype == targets.dtype == torch.int64


def test_all_batches_are_of_one_length_unless_said_otherwise() -> None:
    texts, index = tokens(longest=False), torch.tensor([0, 1])
    assert not texts.ragged
    assert texts.rows(index).shape == texts.targets(index).shape == (2, LENGTH)


def test_classes_are_predicted_where_there_are_no_targets() -> None:
    assert tokens(predicts=False).targets(torch.tensor([2, 1])).tolist() == [0, 1]


@pytest.mark.parametrize("longest", [False, True])
@pytest.mark.parametrize("predicts", [False, True])
def test_a_dry_run_has_the_same_shapes(longest: bool, predicts: bool) -> None:
    real = tokens(longest, predicts)
    dry, index = real.blank(), torch.tensor([0, 2])
    assert dry.is_meta
    for look_up in ("rows", "targets"):
        one, other = (getattr(texts, look_up)(index) for texts in (real, dry))
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
    assert dry.rows(index).is_meta
    assert dry.targets(index).is_meta == predicts  # labels are known
    assert dry.file_bytes.tolist() == real.file_bytes.tolist() == WORDS


def test_lengths_alone_are_known_without_ids() -> None:
    dry = Tokens(
        None, torch.zeros(4, dtype=torch.int64), LENGTH, predicts_tokens=True, dry=True, file_bytes=lambda: None
    )
    assert dry.rows(torch.tensor([1, 2])).shape == dry.targets(torch.tensor([1, 2])).shape == (2, LENGTH)


def test_the_choices_of_some_questions() -> None:
    choices = Choices(tokens(), torch.tensor([0, 2, 3, 7]))
    position, rows = choices.of(torch.tensor([2, 0]))
    assert position.tolist() == [0, 0, 0, 0, 1, 1]
    assert rows.tolist() == [3, 4, 5, 6, 0, 1]


def test_texts_move_with_their_choices() -> None:
    inner = tokens()
    moved = tokens(choices=Choices(inner, torch.arange(5))).to(torch.device("meta"))
    assert moved.labels.is_meta
    assert inner.labels.is_meta
