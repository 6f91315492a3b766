"""Partitions deal every sample to exactly one client."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.learning.partition import Dirichlet, Iid, Partition

LABELS = np.repeat(np.arange(10), 140)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    st.sampled_from([Iid(), Dirichlet(alpha=0.3, min_samples=1), Dirichlet(alpha=1e6, min_samples=1)]),
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
