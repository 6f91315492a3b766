"""Texts of a data set become what a language model takes."""

from __future__ import annotations

from typing import NoReturn

import pytest
import torch

from simulator.learning.data.datasets.synthetic_text import CHOICES, SyntheticText
from simulator.learning.data.datasets.texts import Texts
from simulator.learning.modalities import TextModality
from tests.helpers.texts import CONFIGS, LENGTH

TASKS = ("classification", "next_token", "multiple_choice")


def part(task: str, name: str = "test") -> Texts:
    data = SyntheticText.model_validate({"samples": 6, "test_samples": 4, "task": task, "words": [4, 10]})
    texts = getattr(data.load(), name)
    assert isinstance(texts, Texts)
    return texts


def modality(task: str, longest: bool = False) -> TextModality:
    return TextModality(LENGTH, longest, task, lambda: CONFIGS["gpt2"], CONFIGS["gpt2"].vocabulary)


@pytest.mark.parametrize("longest", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_a_dry_run_has_the_shapes_of_a_real_one(task: str, longest: bool) -> None:
    index = torch.tensor([2, 0])
    real, dry = (modality(task, longest).inputs(part(task), dry) for dry in (False, True))
    assert real.ragged == dry.ragged == longest
    assert real.rows(index).shape == dry.rows(index).shape
    assert real.targets(index).shape == dry.targets(index).shape
    assert real.labels.tolist() == dry.labels.tolist() == part(task).labels.tolist()
    assert real.file_bytes.tolist() == dry.file_bytes.tolist()


def test_a_dry_run_reads_no_text_unless_lengths_matter() -> None:
    def no_tokenizer() -> NoReturn:
        raise AssertionError("a text was read")

    TextModality(LENGTH, False, "next_token", no_tokenizer, 1).inputs(part("next_token"), dry=True)
    with pytest.raises(AssertionError, match="a text was read"):
        TextModality(LENGTH, True, "next_token", no_tokenizer, 1).inputs(part("next_token"), dry=True)


def test_a_question_has_all_its_choices_and_stands_for_its_first() -> None:
    test = modality("multiple_choice").inputs(part("multiple_choice"), dry=False)
    assert len(test) == 4
    assert test.choices is not None
    assert test.choices.first.tolist() == [CHOICES * number for number in range(5)]
    _, rows = test.choices.of(torch.tensor([3]))
    texts, every = test.choices.texts, torch.arange(4 * CHOICES)
    assert torch.equal(test.rows(torch.tensor([3])), texts.rows(rows[:1]))
    assert len(texts.rows(every)) == 4 * CHOICES
    assert modality("multiple_choice").inputs(part("multiple_choice", "train"), dry=False).choices is None
