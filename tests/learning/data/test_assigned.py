"""Shards that are made when they are asked for are those that a list would have held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.learning.data.assigned import Assigned, ConsecutiveShards, ListedShards, Shards
from simulator.learning.data.partition.base import Partition
from simulator.learning.data.partition.classes_per_client import ClassesPerClient
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.partition.iid import Iid
from simulator.learning.data.partition.quantity_skew import QuantitySkew
from simulator.learning.data.partition.sizes import Sizes
from simulator.learning.data.pool import Pool

LABELS = np.repeat(np.arange(10), 140)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 2**32))
def test_iid_shards_are_those_of_a_permutation_in_equal_parts(samples: int, clients: int, seed: int) -> None:
    clients = min(clients, samples)
    eager = [sorted(part) for part in np.array_split(rng(seed).permutation(samples), clients)]
    lazy = Iid().split(np.zeros(samples), clients, rng(seed))
    assert [shard.tolist() for shard in lazy] == eager
    assert isinstance(lazy, Shards)
    assert lazy.sizes.tolist() == [len(shard) for shard in eager]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 40))
def test_shards_can_be_made_one_by_one_or_many_at_once(sizes: list[int], at_once: int) -> None:
    order = rng().permutation(sum(sizes) + 5)
    eager = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    for shards in (ConsecutiveShards(order, np.array(sizes)), ListedShards(eager)):
        assert [sorted(shard) for shard in shards] == [sorted(shard) for shard in eager]
        assert sorted(shards[-1]) == sorted(eager[-1])
        spans = list(shards.chunks(at_once))
        assert [client for first, last in spans for client in range(first, last)] == list(range(len(sizes)))
        together = np.concatenate([shards.between(first, last) for first, last in spans])
        assert together.tolist() == order[: sum(sizes)].tolist()
        assert all(last == first + 1 or sum(sizes[first:last]) <= at_once for first, last in spans)


def test_the_length_of_a_shard_is_known_before_it_is_made() -> None:
    class Unmade(Shards):
        def between(self, first: int, last: int) -> np.ndarray:
            raise AssertionError("made")

    assert len(Assigned(Unmade(np.array([3, 7])), 1)) == 7


@pytest.mark.parametrize("partition", [Iid(), Dirichlet(alpha=0.3), Dirichlet(alpha=100)])
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=20), seed=st.integers(0, 2**32))
def test_shards_of_sizes_that_devices_have(partition: Partition, sizes: list[int], seed: int) -> None:
    shards = partition.split_by_sizes(LABELS, np.array(sizes), rng(seed))
    assert [len(shard) for shard in shards] == sizes
    dealt = np.concatenate(list(shards))
    assert len(np.unique(dealt)) == len(dealt)
    assert dealt.max() < len(LABELS)


def test_all_samples_can_be_dealt_by_size() -> None:
    for partition in (Iid(), Dirichlet(alpha=0.05)):
        shards = partition.split_by_sizes(LABELS, np.array([700, 600, 100]), rng())
        assert sorted(np.concatenate(list(shards))) == list(range(1400))


def test_dirichlet_by_size_skews_the_classes_of_a_client() -> None:
    def most(alpha: float) -> float:
        shards = Dirichlet(alpha=alpha).split_by_sizes(LABELS, np.full(20, 40), rng())
        return float(np.mean([np.bincount(LABELS[shard]).max() / 40 for shard in shards]))

    assert most(0.05) > 0.6
    assert most(1000.0) < 0.3


@pytest.mark.parametrize(
    "partition", [ClassesPerClient(classes=2), QuantitySkew(alpha=1), Sizes(sizes=(3, 4))], ids=lambda each: each.name
)
def test_a_partition_that_decides_sizes_itself_takes_none(partition: Partition) -> None:
    with pytest.raises(ValueError, match=f"{partition.name} decides itself how many samples each client has"):
        partition.split_by_sizes(LABELS, np.array([3, 4]), rng())


@pytest.mark.parametrize("partition", [Iid(), Dirichlet(alpha=0.3)])
def test_shards_from_a_pool(partition: Partition) -> None:
    pool, sizes = Pool(10), np.array([5, 1, 300, 40])
    shards = partition.split_by_sizes(pool, sizes, rng(7))
    again = partition.split_by_sizes(pool, sizes, rng(7))
    other = partition.split_by_sizes(pool, sizes, rng(8))
    assert isinstance(shards, Shards)
    assert [len(shard) for shard in shards] == sizes.tolist()
    assert all((np.diff(shard) > 0).all() for shard in shards)
    everything = np.concatenate(list(shards))
    assert len(np.unique(everything)) == sizes.sum()
    assert everything.max() < len(pool)
    assert shards[2].tolist() == again[2].tolist() != other[2].tolist()
    assert sorted(shards.between(1, 4)) == sorted(np.concatenate([shards[1], shards[2], shards[3]]))
    longer = partition.split_by_sizes(pool, np.array([5, 1, 300, 40, 9]), rng(7))
    assert longer[2].tolist() == shards[2].tolist(), "more clients do not change the first ones"


def test_sizes_can_be_taken_from_a_pool() -> None:
    shards = Sizes(sizes=(3, 4)).split(Pool(10), 2, rng())
    assert [len(shard) for shard in shards] == [3, 4]


def test_classes_from_a_pool_are_equally_likely() -> None:
    """Each count is binomial, with a standard deviation of 95: none is ten of them away."""
    pool = Pool(10)
    shards = Iid().split_by_sizes(pool, np.full(1000, 100), rng())
    assert isinstance(shards, Shards)
    counts = np.bincount(pool[shards.between(0, 1000)], minlength=10)
    assert np.abs(counts - 10_000).max() < 950


def test_classes_from_a_pool_are_skewed_by_dirichlet() -> None:
    """With alpha 0.1, one class of ten has 60 % of a client's samples on average; with alpha 1000, little more than
    the 10 % of all and chance."""
    pool = Pool(10)

    def most(alpha: float) -> float:
        shards = Dirichlet(alpha=alpha).split_by_sizes(pool, np.full(100, 100), rng())
        return float(np.mean([np.bincount(pool[shard]).max() / 100 for shard in shards]))

    assert most(0.1) > 0.5
    assert most(1000.0) < 0.25
