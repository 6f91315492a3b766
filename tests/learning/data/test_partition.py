"""Partitions deal no sample twice, and what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.learning.data.partition.base import Partition
from simulator.learning.data.partition.classes_per_client import ClassesPerClient
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.partition.iid import Iid
from simulator.learning.data.partition.quantity_skew import QuantitySkew
from simulator.learning.data.partition.sizes import Sizes

LABELS = np.repeat(np.arange(10), 140)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    st.sampled_from(
        [
            Iid(),
            Dirichlet(alpha=0.3, min_samples=1),
            Dirichlet(alpha=1e6, min_samples=1),
            QuantitySkew(alpha=1, min_samples=1),
        ]
    ),
    st.lists(st.integers(0, 4), min_size=60, max_size=200),
    st.integers(1, 6),
    st.integers(0, 2**32),
)
def test_every_sample_is_in_exactly_one_shard(partition: Partition, labels: list[int], clients: int, seed: int) -> None:
    shards = partition.split(np.array(labels), clients, rng(seed))
    assert len(shards) == clients
    assert sorted(np.concatenate(shards)) == list(range(len(labels)))


def test_iid_shards_are_of_one_size_give_or_take_one() -> None:
    assert sorted(len(shard) for shard in Iid().split(np.zeros(10), 4, rng())) == [2, 2, 3, 3]


def test_iid_shuffles() -> None:
    first = Iid().split(np.zeros(100), 2, rng())[0]
    assert list(first) != list(range(50))


def test_iid_with_more_clients_than_samples() -> None:
    with pytest.raises(ValueError, match="3 samples do not suffice for 4 clients"):
        Iid().split(np.zeros(3), 4, rng())


def test_same_stream_same_shards() -> None:
    one, two = (Dirichlet(alpha=0.5).split(LABELS, 8, rng(7)) for _ in range(2))
    assert [list(shard) for shard in one] == [list(shard) for shard in two]


def test_dirichlet_keeps_min_samples() -> None:
    shards = Dirichlet(alpha=0.5, min_samples=20).split(LABELS, 8, rng())
    assert min(map(len, shards)) >= 20


def test_large_alpha_gives_each_client_the_classes_of_all() -> None:
    for shard in Dirichlet(alpha=1e9).split(LABELS, 4, rng()):
        assert np.abs(np.bincount(LABELS[shard], minlength=10) - 35).max() <= 1


def test_small_alpha_gives_a_class_to_one_client() -> None:
    shards = Dirichlet(alpha=1e-3, min_samples=1).split(LABELS, 4, rng())
    counts = np.array([np.bincount(LABELS[shard], minlength=10) for shard in shards])
    assert (counts.max(axis=0) > 120).sum() >= 9


def test_dirichlet_gives_up_in_words() -> None:
    with pytest.raises(ValueError, match=r"at least 8 each.*100 draws with alpha 0\.001: use a larger alpha"):
        Dirichlet(alpha=0.001).split(LABELS, 100, rng())


def test_dirichlet_that_can_never_succeed() -> None:
    with pytest.raises(ValueError, match=r"1400 samples .* 10 clients with at least 141 each"):
        Dirichlet(alpha=1.0, min_samples=141).split(LABELS, 10, rng())


def counts(partition: Partition, clients: int, labels: np.ndarray = LABELS, seed: int = 0) -> np.ndarray:
    """Samples of each class of each client, after a check that none is dealt twice or out of order."""
    shards = partition.split(labels, clients, rng(seed))
    assert len(shards) == clients
    assert all((np.diff(shard) > 0).all() and len(shard) for shard in shards)
    assert len(np.unique(np.concatenate(shards))) == sum(map(len, shards))
    return np.array([np.bincount(labels[shard], minlength=10) for shard in shards])


@given(st.integers(1, 10), st.integers(1, 40), st.integers(0, 2**32))
def test_classes_per_client(classes: int, clients: int, seed: int) -> None:
    found = counts(ClassesPerClient(classes=classes), clients, seed=seed)
    assert ((found > 0).sum(axis=1) == classes).all()
    takers = (found > 0).sum(axis=0)
    assert takers.max() - takers.min() <= 1
    assert (found.sum(axis=0) == np.where(takers > 0, 140, 0)).all(), "a class that somebody has is dealt out"
    assert all(np.ptp(column[column > 0]) <= 1 for column in found.T if column.any())


def test_classes_per_client_pairs_classes_at_random() -> None:
    found = counts(ClassesPerClient(classes=2), 40)
    assert len({tuple(np.flatnonzero(row)) for row in found}) > 15


def test_classes_per_client_counts_the_classes_there_are() -> None:
    labels = np.repeat([3, 7], 10)
    assert (counts(ClassesPerClient(classes=2), 5, labels)[:, [3, 7]] == 2).all()
    with pytest.raises(ValueError, match="the data have 2 classes, and no client can have 3 of them"):
        ClassesPerClient(classes=3).split(labels, 5, rng())
    with pytest.raises(ValueError, match=r"class 3 has 10 samples for 11 clients: use fewer clients"):
        ClassesPerClient(classes=2).split(labels, 11, rng())


def test_sizes_are_as_given_and_mixed() -> None:
    found = counts(Sizes(sizes=(700, 10, 200)), 3)
    assert found.sum(axis=1).tolist() == [700, 10, 200]
    assert found[0].min() > 40


@pytest.mark.parametrize(
    ("sizes", "said"),
    [((700, 701), "add up to 1401, and there are 1400 samples"), ((5, 5, 5), "there are 2 clients, and sizes lists 3")],
)
def test_sizes_that_cannot_be(sizes: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sizes(sizes=sizes).split(LABELS, 2, rng())


def test_quantity_skew_deals_all_samples_in_unequal_sizes() -> None:
    found = counts(QuantitySkew(alpha=0.5), 10)
    sizes = found.sum(axis=1)
    assert sizes.sum() == 1400
    assert sizes.min() >= 8
    assert sizes.max() > 3 * sizes.min()
    largest = found[sizes.argmax()] / sizes.max()
    assert largest.max() < 0.2, "labels are IID"
    assert np.ptp(counts(QuantitySkew(alpha=1e9), 10).sum(axis=1)) <= 2


@pytest.mark.parametrize(("alpha", "least"), [(0.001, 8), (1.0, 141)])
def test_quantity_skew_gives_up_in_words(alpha: float, least: int) -> None:
    message = rf"1400 samples could not be partitioned among 10 clients with at least {least} each"
    with pytest.raises(ValueError, match=message):
        QuantitySkew(alpha=alpha, min_samples=least).split(LABELS, 10, rng())
