"""Features of texts whose length depends on their batch are remembered at full length, and looked up as long as due."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.learning.data.lazy import CachedFeatures, LazyBatch, Rounded
from simulator.learning.data.tokens import Tokens
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.stages.text import are_tokens
from tests.helpers.models import weights_of
from tests.helpers.texts import staged_text, text_model

WORDS = (3, 8, 9, 20, 16)
LENGTH, WIDTH = 20, 2
BATCHES = [[0, 1], [2, 0], [3, 1], [0], [2, 4], [1, 0]]


def texts() -> Tokens:
    """Texts of several lengths, of ids from 8 on."""
    ids = torch.randint(8, 40, (len(WORDS), LENGTH), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    for row, words in enumerate(WORDS):
        ids[row, words:] = -1
    labels = torch.zeros(len(WORDS), dtype=torch.int64)
    return Tokens(ids, labels, LENGTH, longest=True, file_bytes=lambda: None)


def features(asked: list[int], prompts: int = 0) -> CachedFeatures:
    """The id of each token and one more number; the number of the tokens that are computed is noted.

    Args:
        asked: receives the lengths of the batches that are computed.
        prompts: how many rows of ones come before the tokens.
    """

    def function(ids: Tensor) -> Tensor:
        asked.append(ids.shape[1])
        tokens = torch.stack([ids.clamp(min=0), (ids >= 0).long()], dim=-1).float()
        return torch.cat([tokens.new_ones(len(ids), prompts, WIDTH), tokens], dim=1)

    return CachedFeatures(texts(), function, (prompts + LENGTH, WIDTH), torch.float32, flops=10**6)


@pytest.mark.parametrize("prompts", [0, 3])
def test_a_batch_has_the_same_values_remembered_or_not(prompts: int) -> None:
    asked: list[int] = []
    remembered, fresh = features(asked, prompts), features([], prompts)
    for batch in map(torch.tensor, BATCHES):
        values = remembered.rows(batch)
        assert torch.equal(values, fresh._compute(batch))
        assert tuple(values.shape[1:]) == remembered.shape_of(batch)
        assert values.shape == LazyBatch(remembered, batch).shape
    assert asked == [8, 16, 20, 16]  # each text once, in batches of those that are new
    assert [group.tolist() for group in remembered.groups] == [[0, 1], [2], [3], [4]]


def test_what_is_rounded_is_as_long() -> None:
    asked: list[int] = []
    rounded = Rounded(features(asked), torch.float16)
    for rows in BATCHES:
        batch = torch.tensor(rows)
        assert torch.equal(rounded.rows(batch), features([])._compute(batch).half().float())
        assert tuple(rounded.rows(batch).shape[1:]) == rounded.shape_of(batch)


def test_rows_that_were_computed_together_are_so_again_in_another_process() -> None:
    first, asked = features([]), list[int]()
    for rows in BATCHES:
        first.rows(torch.tensor(rows))
    second = features(asked)
    second.recall(first.groups)
    for rows in reversed(BATCHES):
        assert torch.equal(second.rows(torch.tensor(rows)), first.rows(torch.tensor(rows)))
    assert sorted(asked) == [8, 16, 16, 20]


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_model_tells_padding_in_what_it_remembers(kind: str) -> None:
    """What a text gets in a longer batch than it was computed in is padding; all logits are those of a plain model."""
    model, tensors = staged_text(kind, "linear")
    plain = Staged(stages_of(text_model(kind)), TRAINED["linear"], remember=False)
    remembers, computes = (Part(one, weights_of(tensors), one.whole) for one in (model, plain))
    source = texts()
    for batch in map(torch.tensor, BATCHES):
        found, wanted = (part.infer(LazyBatch(source, batch)) for part in (remembers, computes))
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    (cached,) = model._derived.values()
    assert len(cached.groups) == 4
    assert are_tokens(cached.rows(torch.tensor([0, 3, 1]))).sum(dim=1).tolist() == [3, 20, 8]
