"""Whatever a compressor does to hidden states, padding stays padding, and tokens stay tokens."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.learning.compression.base import Compressor
from simulator.learning.compression.cos_sgd import CosSgd
from simulator.learning.compression.fp16 import Fp16
from simulator.learning.compression.int8 import Int8
from simulator.learning.compression.padded import TRACE, KeepsPadding
from simulator.learning.compression.product_quantisation import ProductQuantisation
from simulator.learning.compression.top_k import TopK
from simulator.learning.models.stages.text import are_tokens
from simulator.settings.plugins import COMPRESSORS
from simulator.transport.channels import coder

EVERY: list[Compressor] = [
    Fp16(),
    Int8(),
    Int8(scale="row"),
    TopK(fraction=0.02),  # leaves nothing of most tokens
    CosSgd(bits=3),  # has no code for zero
    ProductQuantisation(subvectors=4, clusters=3),
]
SHAPE = (3, 5, 8)
ROWS_BYTES = 2
"""One bit for each of 15 rows."""


def hidden() -> Tensor:
    """Three texts of five, two and three tokens, of which one is a thousandth of the others; the rest is padding."""
    values = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    values[0, 1] /= 1000
    values[1, 2:] = 0
    values[2, 3:] = 0
    return values


def through(compressor: Compressor | KeepsPadding, values: Tensor) -> Tensor:
    """What the receiver has."""
    return compressor.decode(compressor.encode(values), tuple(values.shape))


def test_every_compressor_is_tested_here() -> None:
    assert sorted({compressor.name for compressor in EVERY}) == COMPRESSORS.names()


@pytest.mark.parametrize("compressor", EVERY, ids=repr)
def test_the_receiver_sees_the_same_padding(compressor: Compressor) -> None:
    values = hidden()
    assert are_tokens(through(coder(compressor, pads=True), values)).tolist() == are_tokens(values).tolist()


@pytest.mark.parametrize("compressor", EVERY, ids=repr)
def test_tokens_arrive_as_from_the_compressor_alone(compressor: Compressor) -> None:
    values = hidden()
    alone, ours = through(compressor, values), through(KeepsPadding(compressor), values)
    real = are_tokens(values)
    assert torch.equal(ours[real].where(ours[real] != TRACE, 0.0), alone[real])
    assert not ours[~real].any()


@pytest.mark.parametrize("compressor", EVERY, ids=repr)
def test_bytes_are_those_of_the_compressor_and_one_bit_a_row(compressor: Compressor) -> None:
    ours = KeepsPadding(compressor)
    sent = ours.encode(hidden())
    assert sum(part.nbytes for part in sent.values()) == ours.nbytes(SHAPE) == compressor.nbytes(SHAPE) + ROWS_BYTES
    assert {name: (str(part.dtype).removeprefix("torch."), tuple(part.shape)) for name, part in sent.items()} == {
        name: (spec.dtype, spec.shape) for name, spec in ours.specs(SHAPE).items()
    }


def test_values_are_read_once_more_to_see_what_is_padding() -> None:
    inner = Int8()
    ours, values = KeepsPadding(inner), 4 * 3 * 5 * 8
    assert ours.encode_cost(SHAPE).bytes_touched == inner.encode_cost(SHAPE).bytes_touched + values + ROWS_BYTES
    assert ours.decode_cost(SHAPE).bytes_touched == inner.decode_cost(SHAPE).bytes_touched + ROWS_BYTES


@pytest.mark.parametrize("compressor", EVERY, ids=repr)
def test_weights_are_sent_as_without_it(compressor: Compressor) -> None:
    """They have no rows of padding, whatever is zero in them."""
    ours, weights = KeepsPadding(compressor), hidden()[:, :, 0]
    assert ours.nbytes((3, 5)) == compressor.nbytes((3, 5))
    assert ours.encode_cost((3, 5)) == compressor.encode_cost((3, 5))
    assert torch.equal(through(ours, weights), through(compressor, weights))


def test_nan_in_a_token_survives() -> None:
    values = hidden()
    values[1, 0, 3] = torch.nan
    for compressor in EVERY:
        assert not through(KeepsPadding(compressor), values)[1, 0].isfinite().all()


def test_what_tells_zeros_itself_is_left_as_it_is_and_so_are_images() -> None:
    fp16, int8 = Fp16(), Int8()
    assert coder(fp16, pads=True) is fp16
    assert coder(int8, pads=False) is int8
    assert isinstance(coder(int8, pads=True), KeepsPadding)
