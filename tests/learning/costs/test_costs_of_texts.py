"""Costs of language models: FLOPs are torch's own count, and bytes those that autograd keeps in a real pass."""

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any

import pytest
import torch

from simulator.learning.costs.inputs import blank_input
from simulator.learning.models.parts import Part
from tests.helpers.models import chain, weights_of
from tests.helpers.passes import compare, saved
from tests.helpers.texts import CONFIGS, LENGTH, staged_text, texts

LAYERS = {
    "gpt2": ("q", "v", "k", "o", "fc1", "fc2"),
    "bert": ("k", "o", "fc1"),
    "roberta": ("q", "v"),
    "mean": ("q", "v"),
    "llama": ("q", "v", "k", "o", "gate", "up", "down"),
    "qwen2": ("q", "down"),
}
DECODERS = ("gpt2", "llama", "qwen2")


TELLING = {
    ("gpt2", "full"),
    ("bert", "prompt"),
    ("roberta", "bias"),
    ("mean", "linear"),
    ("llama", "lora"),
    ("qwen2", "full"),
}
"""What is compared each time; the others are slow."""


def some(kinds: Iterable[str], trainings: Iterable[str], telling: Collection[tuple[str, str]]) -> list[Any]:
    """Return pairs for parametrize, of which those that tell little beyond others are marked as slow."""
    slow = pytest.mark.slow
    return [pytest.param(*pair, marks=() if pair in telling else slow) for pair in product(kinds, trainings)]


@pytest.mark.parametrize(("kind", "train"), some(CONFIGS, ["full", "linear", "bias", "prompt", "lora"], TELLING))
def test_flops_of_every_part_are_what_torch_counts(kind: str, train: str) -> None:
    model, tensors = staged_text(kind, train, targets=LAYERS[kind])
    found = compare(chain(model, weights_of(tensors), (1, 2, 3)), texts(3))
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert sum(theirs for _, theirs in found) > 0


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["q", "k", "v", "o", "gate", "up", "down"])
def test_flops_with_one_adapter_are_what_torch_counts(layer: str) -> None:
    model, tensors = staged_text("llama", "lora", targets=(layer,))
    for ours, theirs in compare(chain(model, weights_of(tensors), (2,)), texts(3)):
        assert ours == theirs


@pytest.mark.parametrize(("kind", "train"), some(DECODERS, ["full", "linear", "lora"], {("gpt2", "lora")}))
def test_flops_of_predicting_the_next_token(kind: str, train: str) -> None:
    model, tensors = staged_text(kind, train, classes=None)
    for ours, theirs in compare(chain(model, weights_of(tensors), (2,)), texts(3)):
        assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "attention"), some(CONFIGS, ["math", "fused"], {("bert", "math"), ("gpt2", "fused"), ("qwen2", "fused")})
)
def test_bytes_that_are_kept_are_those_that_autograd_saves(kind: str, attention: str) -> None:
    model, tensors = staged_text(kind, "full")
    model.attention = attention
    weights, ids = weights_of(tensors), texts(5)
    part = Part(model, weights, model.whole)
    theirs = saved(lambda: part.forward(ids), weights, attention)
    assert model.sizes(model.whole, tuple(ids.shape)).kept == theirs


@pytest.mark.parametrize("kind", ["bert", "qwen2"])
def test_operations_have_the_flops_of_the_stages(kind: str) -> None:
    """The two traces are independent: one is fvcore's, the other what torch dispatches."""
    model, _ = staged_text(kind, "full")
    sizes = model.sizes(model.whole, (5, LENGTH))
    assert sum(piece.operations.flops for piece in sizes.pieces.forward) == sizes.forward
    assert sum(piece.operations.flops for piece in sizes.pieces.backward) == sizes.backward


def test_ids_are_whole_numbers_and_what_follows_is_not() -> None:
    model, _ = staged_text("gpt2")
    first, all_stages = model.stages["embed"], model.slice(model.whole).module
    assert blank_input(first, (2, 5), grad=False).dtype == torch.int64
    assert blank_input(all_stages, (2, 5), grad=False).dtype == torch.int64
    assert blank_input(model.stages["block0"], (2, 5, 32), grad=True).requires_grad
