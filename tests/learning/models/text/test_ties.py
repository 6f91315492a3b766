"""A language-model head that is the embedding of words: one tensor in an uncut model, two in a cut one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.lora import Lora
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import NextToken
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.texts import SMALL, VOCABULARY, text_model, texts

EMBED, HEAD = "embed.tokens.weight", "head.head.weight"
EMBEDDING_BYTES = 4 * VOCABULARY * SMALL["width"]
RATE = 0.1


def part_of(kind: str = "gpt2", train: str = "full", *, tied: bool = True, **fields: Any) -> Part:
    """Return a small language model as one part."""
    adaptation = replace(Adaptation.named(train, Prompts(), Lora()), tied=tied)
    tensors, model = adapted(text_model(kind, None, **fields), adaptation)
    model.objective = NextToken()
    return Part(model, Weights(tensors, Sgd.model_validate({"learning_rate": RATE}), RATE), model.whole)


def next_tokens(ids: Tensor) -> Tensor:
    """Return the token behind each; -100 where there is none."""
    behind = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], -1)], dim=1)
    return behind.masked_fill(behind < 0, -100)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_the_gradient_and_the_step_are_those_of_torch_with_one_parameter(kind: str) -> None:
    part, ids = part_of(kind), texts()
    theirs = text_model(kind, None)
    theirs.head.head.weight = theirs.embed.tokens.weight
    loss = cross_entropy(theirs(ids).flatten(0, 1), next_tokens(ids).flatten(), ignore_index=-100)
    loss.backward()
    wanted = theirs.embed.tokens.weight.grad
    assert wanted is not None

    before = part.weights[EMBED]
    graded = part.loss_backward(ids, next_tokens(ids))
    torch.testing.assert_close(graded.output, loss.detach())
    torch.testing.assert_close(graded.grads[EMBED], wanted)
    part.weights.step(graded)
    torch.testing.assert_close(part.weights[EMBED], before - RATE * wanted)


def test_one_tensor_is_listed_counted_and_kept_once() -> None:
    tied, apart = part_of(), part_of(tied=False)
    assert set(apart.names) - set(tied.names) == {HEAD}
    assert tied.weights.keys() == set(tied.names) == set(tied.trainable)
    assert apart.trainable_bytes - tied.trainable_bytes == EMBEDDING_BYTES
    assert apart.model.slice(apart.ranges).bytes - tied.model.slice(tied.ranges).bytes == EMBEDDING_BYTES
    weights_and_gradients = [sum(nbytes for _, _, nbytes in part.resident()) for part in (apart, tied)]
    assert weights_and_gradients[0] - weights_and_gradients[1] == 2 * EMBEDDING_BYTES


def test_a_step_of_the_shared_tensor_is_one_piece_of_work() -> None:
    rule = AdamW.model_validate({})
    tied, apart = (part_of(tied=tied).steps(rule) for tied in (True, False))
    assert tied["embed"] == apart["embed"]
    assert apart["head"].bytes_touched - tied["head"].bytes_touched == rule.passes * EMBEDDING_BYTES
    assert apart["head"].what != tied["head"].what, "a table of measured seconds has a row for each"


def test_a_frozen_shared_weight_serves_the_head_behind_cached_features() -> None:
    """Where adapters alone are trained, the embedding is computed ahead, and kept."""
    ids = texts()
    samples = Tokens(ids, torch.zeros(len(ids)), ids.shape[1], file_bytes=lambda: [0] * len(ids))
    part = part_of(train="lora")
    assert HEAD not in part.weights
    theirs = text_model(classes=None)
    theirs.head.head.weight = theirs.embed.tokens.weight
    torch.testing.assert_close(part.infer(LazyBatch(samples, torch.arange(len(ids)))), theirs(ids))


@pytest.mark.parametrize("train", ["bias", "prompt", "lora"])
def test_a_published_head_stays_frozen(train: str) -> None:
    part = part_of(train=train)
    assert EMBED in part.frozen
    assert part.trainable
    assert not any(name.startswith("head.head") for name in part.trainable)


@pytest.mark.parametrize(("kind", "train"), [("qwen2", "full"), ("gpt2", "linear")])
def test_two_tensors_stay_two(kind: str, train: str) -> None:
    """The model has them apart, or only one of them is trained, so that they differ after a step."""
    part = part_of(kind, train)
    assert {EMBED, HEAD} <= part.weights.keys()
    assert not part.model.ties


def test_a_classifier_is_no_embedding() -> None:
    tensors, model = adapted(text_model("gpt2"), Adaptation(lambda *_: True, tied=True))
    assert not model.ties
    assert HEAD in tensors
