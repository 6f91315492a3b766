"""What each way of compressing sends, to the byte, and what it loses, against formulas and other people's code."""

from __future__ import annotations

import math
import struct
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from simulator.learning.compression.base import Compressor
from simulator.learning.compression.bits import pack, unpack
from simulator.learning.compression.cos_sgd import CosSgd
from simulator.learning.compression.fp16 import Fp16
from simulator.learning.compression.int8 import Int8
from simulator.learning.compression.kmeans import kmeans, nearest
from simulator.learning.compression.product_quantisation import ProductQuantisation
from simulator.learning.compression.top_k import TopK
from simulator.settings.plugins import COMPRESSORS
from simulator.transport.wire import Wire

EVERY: list[Compressor] = [
    Fp16(),
    Int8(),
    Int8(scale="row"),
    TopK(fraction=0.2),
    CosSgd(),
    CosSgd(bits=3, clip=0),
    ProductQuantisation(subvectors=4, groups=2, clusters=3),
]


def name(compressor: Compressor) -> str:
    return repr(compressor)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def through(compressor: Compressor, values: Tensor) -> Tensor:
    """What the receiver has."""
    return compressor.decode(compressor.encode(values), tuple(values.shape))


def test_every_method_is_tested_here() -> None:
    assert sorted({compressor.name for compressor in EVERY}) == COMPRESSORS.names()


# Bytes, by hand.

BYTES = [
    (Fp16(), (3, 5), 15 * 2),
    (Int8(), (3, 5), 15 + 4),
    (Int8(), (), 1 + 4),
    (Int8(scale="row"), (2, 3, 5), 30 + 6 * 4),
    (Int8(scale="row"), (5,), 5 + 4),
    (TopK(fraction=0.1), (10, 10), 10 * 8),
    (TopK(fraction=0.29), (100,), 29 * 8),
    (TopK(fraction=0.001), (3,), 8),
    (TopK(fraction=1.0), (2, 3), 6 * 8),
    (CosSgd(), (6, 2), 12 + 4 + 4),
    (CosSgd(bits=3), (7,), 3 + 4 + 4),
    (CosSgd(bits=16), (7,), 14 + 4 + 4),
    # 32 R L d/q bits of codebooks, B q ceil(log2 L) bits of codes
    (ProductQuantisation(subvectors=6, groups=2, clusters=5), (4, 12), 4 * 2 * 5 * 2 + 4 * 6 * 3 // 8),
    (ProductQuantisation(subvectors=8, clusters=16), (32, 5, 16), 4 * 1 * 16 * 10 + 32 * 8 * 4 // 8),
    # 7 values are two subvectors of 4; six of them have no more than six clusters
    (ProductQuantisation(subvectors=2, clusters=16), (3, 7), 4 * 6 * 4 + math.ceil(6 * 3 / 8)),
    # a vector by itself
    (ProductQuantisation(subvectors=4, clusters=2), (8,), 4 * 2 * 2 + 1),
    (ProductQuantisation(subvectors=1, clusters=2), (), 4),
]


@pytest.mark.parametrize(("compressor", "shape", "nbytes"), BYTES, ids=repr)
def test_bytes(compressor: Compressor, shape: tuple[int, ...], nbytes: int) -> None:
    assert compressor.nbytes(shape) == nbytes
    assert Wire().carry(compressor.encode(normal(*shape)))[1] == nbytes


@pytest.mark.parametrize("compressor", EVERY, ids=name)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 6), (5, 3, 2), (1, 2, 3, 4)], ids=str)
def test_what_is_sent_is_what_its_shape_said(compressor: Compressor, shape: tuple[int, ...]) -> None:
    values = normal(*shape)
    before = values.clone()
    sent, said = compressor.encode(values), compressor.specs(shape)
    assert {key: tuple(tensor.shape) for key, tensor in sent.items()} == {key: spec.shape for key, spec in said.items()}
    assert {key: f"torch.{spec.dtype}" for key, spec in said.items()} == {key: str(x.dtype) for key, x in sent.items()}
    found = compressor.decode(sent, shape)
    assert (found.shape, found.dtype) == (values.shape, torch.float32)
    assert torch.equal(values, before)
    assert torch.equal(found, through(compressor, values))


@pytest.mark.parametrize("compressor", EVERY, ids=name)
def test_zeros_stay_zeros(compressor: Compressor) -> None:
    assert torch.equal(through(compressor, torch.zeros(4, 6)), torch.zeros(4, 6))


@pytest.mark.parametrize("compressor", EVERY, ids=name)
@pytest.mark.parametrize("worst", [math.nan, math.inf])
def test_a_model_that_diverges_is_seen_to(compressor: Compressor, worst: float) -> None:
    values = normal(4, 6)
    values[2, 3] = worst
    assert not through(compressor, values).isfinite().all()


@pytest.mark.parametrize("iterations", [0, 1, 5])
@pytest.mark.parametrize("worst", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_taints_its_codebook_and_no_other(worst: float, iterations: int) -> None:
    """Wherever it stands: it need not be one of the points that k-means starts from, nor near one."""
    method = ProductQuantisation(subvectors=4, groups=2, clusters=2, iterations=iterations)
    for sample in range(6):
        values = normal(6, 8)
        values[sample, 3] = worst
        finite = through(method, values).isfinite()
        assert (finite[:, :4].any(), finite[:, 4:].all()) == (False, True)


def test_cos_sgd_has_an_angle_for_numbers_of_any_size() -> None:
    """Their squares have no place in float32, in either direction."""
    values = normal(4, 6)
    for scale in (2.0**100, 2.0**-100):
        assert torch.equal(through(CosSgd(), values * scale), through(CosSgd(), values) * scale)


def test_of_a_tensor_whose_length_is_no_float32_nothing_finite_arrives() -> None:
    one_is_infinite = torch.cat([normal(200), torch.tensor([math.inf])])
    for values in (torch.full((20,), 3e38), one_is_infinite):
        assert not through(CosSgd(), values).isfinite().any()


# What is lost.


def test_fp16_rounds_as_ieee_754_says() -> None:
    values = torch.tensor([1 / 3, -2.7, 65000.0, 1e-3, 0.0, 1e-9])
    assert through(Fp16(), values).tolist() == [
        struct.unpack("e", struct.pack("e", value))[0] for value in values.tolist()
    ]


def test_int8_moves_no_value_by_more_than_half_a_step() -> None:
    values = normal(6, 50) * torch.tensor([1e-3, 0.1, 1.0, 5.0, 100.0, 1e4])[:, None]
    error = (through(Int8(), values) - values).abs()
    assert float(error.max()) <= float(values.abs().max()) / 127 / 2 * (1 + 1e-5)
    by_row = (through(Int8(scale="row"), values) - values).abs().amax(dim=1)
    assert (by_row <= values.abs().amax(dim=1) / 127 / 2 * (1 + 1e-5)).all()
    assert float(error[0].max()) > float(by_row[0]), "a small row is lost beside a large one"


def test_int8_keeps_the_largest_and_whole_steps() -> None:
    values = torch.tensor([-127.0, 3.0, 64.0, 2.4, 0.0])
    assert through(Int8(), values).tolist() == [-127.0, 3.0, 64.0, 2.0, 0.0]


def test_top_k_keeps_exactly_the_largest() -> None:
    values = normal(5, 8)
    found = through(TopK(fraction=0.15), values)
    largest = values.abs().flatten().sort(descending=True).values[:6]
    kept = found != 0
    assert torch.equal(found[kept], values[kept])
    assert torch.equal(found[kept].abs().sort(descending=True).values, largest)


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8, 12])
def test_cos_sgd_turns_no_angle_by_more_than_half_a_step(bits: int) -> None:
    values = normal(30, 4).double()
    norm = values.norm()
    bound = (values.abs().max() / norm).arccos()
    most = norm * (math.pi - 2 * bound) / (2**bits - 1) / 2
    error = (through(CosSgd(bits=bits, clip=0), values.float()) - values).abs()
    assert float(error.max()) <= float(most) + 1e-5
    assert float(error.max()) > float(most) / 4, "and the bound is no empty one"


def test_cos_sgd_draws_in_what_it_clips() -> None:
    values = torch.tensor([9.0, -8.0, 1.0, 2.0, -3.0, 0.5, 0.0, -1.0, 1.5, 2.5])
    found = through(CosSgd(bits=16, clip=0.2), values)
    torch.testing.assert_close(found, values.clamp(-3, 3), atol=2e-3, rtol=0)


def test_one_bit_is_the_sign() -> None:
    values = torch.tensor([3.0, -0.1, 0.2, -4.0])
    torch.testing.assert_close(through(CosSgd(bits=1, clip=0), values), torch.tensor([4.0, -4.0, 4.0, -4.0]))


# Product quantisation, and the k-means in it.


def test_as_many_clusters_as_distinct_subvectors_lose_nothing() -> None:
    book = normal(5, 3)
    chosen = torch.tensor([0, 0, 0, 0, 0, 1, 1, 4, 2, 2, 3, 0])  # in a row: even spacing alone would miss some
    values = book[chosen].view(2, 18)
    method = ProductQuantisation(subvectors=6, clusters=5, iterations=3)
    torch.testing.assert_close(through(method, values), values, rtol=1e-6, atol=1e-7)


def test_a_subvector_is_a_run_of_a_vector_and_a_group_a_run_of_subvectors() -> None:
    """The first half of each vector is one of two values, the second one of two others: a codebook each."""
    values = torch.tensor([[1.0, 1.0, 5.0, 5.0], [2.0, 1.0, 6.0, 5.0], [1.0, 2.0, 5.0, 6.0]])
    two_books = ProductQuantisation(subvectors=4, groups=2, clusters=2)
    assert torch.equal(through(two_books, values), values)
    assert two_books.encode(values)["codebooks"].tolist() == [[[1.0], [2.0]], [[5.0], [6.0]]]
    one_book = ProductQuantisation(subvectors=4, groups=1, clusters=2)
    assert not torch.equal(through(one_book, values), values)


def loss(points: Tensor, centroids: Tensor) -> float:
    return float(torch.cdist(points.double(), centroids.double()).amin(dim=-1).square().sum())


def test_the_loss_of_k_means_never_grows_with_iterations() -> None:
    points = normal(2, 60, 3)
    losses = [loss(points, kmeans(points, 7, iterations)) for iterations in range(12)]
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(losses))
    assert losses[-1] < 0.9 * losses[0]


def test_k_means_is_lloyds_as_scikit_learn_has_it() -> None:
    points = normal(1, 80, 3, seed=4)
    start = kmeans(points, 6, 0)[0]
    for iterations in (1, 3, 50):
        ours = kmeans(points, 6, iterations)[0]
        theirs = KMeans(6, init=start.numpy(), n_init=1, max_iter=iterations, tol=0.0, algorithm="lloyd")
        with np.errstate(all="ignore"):
            theirs.fit(points[0].numpy())
        torch.testing.assert_close(ours, torch.from_numpy(theirs.cluster_centers_).float(), rtol=1e-4, atol=1e-5)


def test_the_nearest_is_the_nearest() -> None:
    points, centroids = normal(3, 40, 4), normal(3, 9, 4, seed=1)
    assert torch.equal(nearest(points, centroids), torch.cdist(points, centroids).argmin(dim=-1))


def test_k_means_draws_nothing_at_random() -> None:
    points = normal(1, 50, 2)
    torch.manual_seed(1)
    one = kmeans(points, 5, 4)
    torch.manual_seed(2)
    assert torch.equal(one, kmeans(points, 5, 4))


@pytest.mark.parametrize("bits", range(17))
@pytest.mark.parametrize("codes", [0, 1, 7, 8, 33])
def test_codes_are_packed_without_a_gap(codes: int, bits: int) -> None:
    values = torch.randint(0, 2**bits, (codes,), generator=torch.Generator().manual_seed(codes))
    packed = pack(values, bits)
    assert packed.dtype == torch.uint8
    assert len(packed) == math.ceil(codes * bits / 8)
    assert torch.equal(unpack(packed, codes, bits), values)
    by_hand = sum(int(value) << (bits * place) for place, value in enumerate(values)).to_bytes(len(packed), "little")
    assert bytes(packed.tolist()) == by_hand


# The price.


def test_coding_costs_by_hand() -> None:
    """The values are 4 x 6 x 4 = 96 bytes."""
    shape = (4, 6)
    assert Fp16().encode_cost(shape).bytes_touched == 96 + 48
    assert Fp16().decode_cost(shape).bytes_touched == 48 + 96
    assert Int8().encode_cost(shape).bytes_touched == 2 * 96 + 24 + 4
    assert TopK(fraction=0.5).encode_cost(shape).bytes_touched == 3 * 96 + 12 * 8
    assert all(compressor.encode_cost(shape).flops == 0 for compressor in EVERY[:-1])


def test_k_means_costs_a_multiply_add_an_element_and_cluster_and_look() -> None:
    """32 vectors of 48 values, in 8 subvectors of 6 each: in 2 groups of 128, with 5 clusters each."""
    method = ProductQuantisation(subvectors=8, groups=2, clusters=5, iterations=3)
    cost, elements = method.encode_cost((32, 48)), 32 * 48
    assert cost.flops == (3 + 1) * 2 * elements * 5 + 3 * elements
    passes = (3 + 1) + 3 + 1 + 7  # looks, new codebooks, stacking, and sorting 128
    assert cost.bytes_touched == 4 * (passes * elements + 4 * 2 * 2 * 128 * 5) + method.nbytes((32, 48))
    assert method.decode_cost((32, 48)).flops == 0
