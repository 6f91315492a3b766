"""What frozen stages make of a sample is computed once, with the same digits, and charged every time."""

from typing import Any

import pytest
import torch
from torch import Tensor

from simulator.learning.data import lazy as rows
from simulator.learning.data.images import Images
from simulator.learning.data.lazy import CachedFeatures, LazyBatch, Rounded
from simulator.transport.wire import Wire
from tests.helpers.models import CLASSES, chain, staged, vit, weights_of

PLAIN = ((0.0,) * 3, (1.0,) * 3)


def images(samples: int = 12, dry: bool = False) -> Images:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (samples, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return Images(pixels, torch.arange(samples) % CLASSES, PLAIN, dry)


class Counted:
    """A source and a function that say how many rows they were asked for."""

    shape, dtype, is_meta, ragged = (2,), torch.float32, False, False

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 6

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        return self.shape

    def rows(self, index: Tensor) -> Tensor:
        return torch.stack([index.float(), 10 * index.float()], dim=1)

    def double(self, values: Tensor) -> Tensor:
        self.asked += (values[:, 0] / 1).int().tolist()
        return 2 * values


def derived(flops: int = 10**6) -> tuple[Counted, CachedFeatures]:
    source = Counted()
    return source, CachedFeatures(source, source.double, (2,), torch.float32, flops)


def test_each_row_is_computed_once() -> None:
    source, twice = derived()
    for asked in ([0, 1, 2], [2, 1, 5], [0], [5, 2]):
        got = twice.rows(torch.tensor(asked))
        assert got.tolist() == [[2.0 * i, 20.0 * i] for i in asked]
    assert sorted(source.asked) == [0, 1, 2, 5]


def test_what_is_cheap_is_not_remembered() -> None:
    source, twice = derived(flops=rows.WORTH_FLOPS_PER_BYTE * 8 - 1)
    for _ in range(2):
        twice.rows(torch.tensor([0, 1]))
    assert source.asked == [0, 1, 0, 1]


def test_what_does_not_fit_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "REMEMBER_BYTES", 6 * 8 - 1)
    source, twice = derived()
    for _ in range(2):
        twice.rows(torch.tensor([0, 1]))
    assert source.asked == [0, 1, 0, 1]


def test_all_that_one_model_remembers_has_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as much as the features of one of two sources: the first is remembered, the digits are the same."""
    one, two, index = images(), images(), torch.arange(12)
    computed: list[Any] = []
    compute = CachedFeatures._compute
    monkeypatch.setattr(
        CachedFeatures, "_compute", lambda self, rows: computed.append(self.source) or compute(self, rows)
    )
    monkeypatch.setattr(rows, "REMEMBER_BYTES", 12 * 5 * 32 * 4)  # samples, tokens, features, bytes
    found = []
    for remember in (True, False):
        model, tensors = staged(vit(embed_dim=32), "linear", remember=remember)
        (whole,) = chain(model, weights_of(tensors), ())
        found.append([whole.infer(LazyBatch(source, index)) for source in (one, two, one, two)])
    assert [source is one for source in computed] == [True, False, False]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_what_a_wire_rounds_is_remembered_from_the_same_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "REMEMBER_BYTES", 2 * 6 * 8 - 1)
    _, twice = derived()
    rounded = Rounded(twice, torch.float16)
    assert (twice.remembers, rounded.remembers, derived()[1].remembers) == (True, False, True)


def test_what_evaluation_remembers_training_may_use() -> None:
    source, twice = derived()
    with torch.inference_mode():
        twice.rows(torch.tensor([0, 1]))
    values = twice.rows(torch.tensor([1, 2]))
    weight = torch.ones(2, requires_grad=True)
    (values * weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [6.0, 60.0]
    assert source.asked == [0, 1, 2]


def test_rows_behave_as_the_tensor_they_stand_for() -> None:
    for dry in (False, True):
        batch = LazyBatch(images(dry=dry), torch.tensor([3, 1, 4, 1]))
        tensor = batch.tensor()
        assert (batch.shape, batch.dtype, batch.is_meta) == (tensor.shape, tensor.dtype, tensor.is_meta)
        assert (batch.numel(), batch.element_size()) == (tensor.numel(), tensor.element_size())


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_a_wire_rounds_rows_as_it_rounds_their_tensor(dtype: str) -> None:
    wire = Wire(dtype)
    batch = LazyBatch(images(), torch.tensor([3, 1, 4, 1]))
    arrived, sent = wire.carry(batch)
    wanted, size = wire.carry(batch.tensor())
    assert torch.equal(arrived.tensor(), wanted)
    assert sent == size
    assert torch.equal(wanted, batch.tensor()) == (dtype == "fp32")


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_a_prefix_over_a_wire_is_the_same_remembered_or_not(dtype: str) -> None:
    """Head, wire, body, wire, tail, all frozen but the classifier, in batches that overlap.

    Equal but for rounding: some processors round a row's product by how many rows are computed at once.
    """
    results = []
    for remember in (True, False):
        model, tensors = staged(vit(embed_dim=32), "linear", remember=remember)
        head, body, tail = chain(model, weights_of(tensors), (2, 4))
        source, wire = images(), Wire(dtype)
        found = []
        for index in ([0, 1, 2, 3], [3, 2, 7], [1], [11, 0, 7, 4]):
            x: Any = LazyBatch(source, torch.tensor(index))
            smashed, _ = wire.carry(head.forward(x).output)
            features, _ = wire.carry(body.forward(smashed).output)
            assert isinstance(features, LazyBatch) == remember
            done = tail.loss_backward(features, source.labels[index])
            found += [done.output, *done.grads.values()]
        results.append(found)
    near = {"rtol": 1e-5, "atol": 1e-6} if dtype == "fp32" else {"rtol": 1e-3, "atol": 1e-4}
    torch.testing.assert_close(*results, **near)


def test_other_weights_are_not_mistaken_for_those_remembered() -> None:
    model, tensors = staged(vit(embed_dim=32), "linear")
    other = {name: tensor + 0.1 for name, tensor in tensors.items()}
    source, index = images(), torch.arange(4)
    results = []
    for weights in (tensors, other, tensors):
        (whole,) = chain(model, weights_of(weights), ())
        results.append(whole.infer(LazyBatch(source, index)))
    assert not torch.allclose(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_images_that_share_rows_are_not_mistaken_for_each_other() -> None:
    model, tensors = staged(vit(embed_dim=32), "linear")
    (whole,) = chain(model, weights_of(tensors), ())
    one, two = images(), images()
    two.pixels = 255 - two.pixels
    index = torch.arange(3)
    assert not torch.allclose(whole.infer(LazyBatch(one, index)), whole.infer(LazyBatch(two, index)))
