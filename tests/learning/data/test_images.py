"""Images, shards and the digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from simulator.learning.data.datasets.digits import Digits
from simulator.learning.data.images import Images
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.shards import Shard, histogram, pooled
from simulator.settings.seeds import Seeds

STATISTICS = ((0.2, 0.4, 0.6), (0.5, 0.25, 0.1))


def shard(samples: int = 10, batch_size: int = 4, offset: int = 0) -> Shard:
    pixels = torch.zeros(100, 3, 2, 2, dtype=torch.uint8)
    images = Images(pixels, torch.arange(100) % 7, STATISTICS)
    return Shard(images, torch.arange(offset, offset + samples), batch_size, Seeds(0))


def test_pixels_are_normalised_when_they_are_looked_up() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).view(2, 3, 2, 2) * 10
    images = Images(pixels, torch.tensor([0, 1]), STATISTICS)
    got = images.rows(torch.tensor([1, 0, 1]))
    for channel, (mean, deviation) in enumerate(zip(*STATISTICS, strict=True)):
        wanted = (pixels[[1, 0, 1], channel].double() / 255 - mean) / deviation
        torch.testing.assert_close(got[:, channel].double(), wanted, rtol=1e-5, atol=1e-6)
    assert images.pixels.dtype == torch.uint8


def test_a_dry_look_up_has_the_same_shape() -> None:
    pixels, labels = torch.zeros(5, 3, 4, 4, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    index = torch.tensor([0, 2])
    wet, dry = (Images(pixels, labels, STATISTICS, dry).rows(index) for dry in (False, True))
    assert dry.is_meta
    assert (dry.shape, dry.dtype) == (wet.shape, wet.dtype)


def test_an_epoch_sees_every_sample_once_in_an_order_of_its_own() -> None:
    data = shard(10, batch_size=4, offset=20)
    batches = list(data.batches(("train", 1, "a"), epochs=2))
    assert [len(batch.y) for batch in batches] == [4, 4, 2] * 2
    orders = [torch.cat([batch.x.index for batch in batches[i : i + 3]]).tolist() for i in (0, 3)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(20, 30))
    assert orders[0] != orders[1]
    assert orders[0] != list(range(20, 30))
    assert all(torch.equal(batch.y, batch.x.index % 7) for batch in batches)


def test_an_epoch_of_fewer_samples_draws_them_anew_and_none_twice() -> None:
    batches = list(shard(10, batch_size=4).batches(("train", 1, "a"), epochs=2, samples=6))
    assert [len(batch.y) for batch in batches] == [4, 2] * 2
    drawn = [torch.cat([batch.x.index for batch in batches[i : i + 2]]).tolist() for i in (0, 2)]
    assert [len(set(one)) for one in drawn] == [6, 6]
    assert set(drawn[0]) != set(drawn[1])
    assert all(torch.equal(batch.y, batch.x.index % 7) for batch in batches)


def test_shards_in_one() -> None:
    one, two = shard(3, offset=50), shard(2, offset=7)
    both = pooled([one, two])
    assert both.index.tolist() == [50, 51, 52, 7, 8]
    assert (both.inputs, both.batch_size, both.seeds) == (one.inputs, one.batch_size, one.seeds)


def test_how_large_a_shard_is_as_files() -> None:
    asked: list[int] = []
    pixels, labels = torch.zeros(5, 3, 2, 2, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    images = Images(pixels, labels, STATISTICS, file_bytes=lambda: asked.append(1) or np.array([1, 10, 100, 1000, 0]))
    assert asked == []
    shards = [Shard(images, torch.tensor(rows), 4, Seeds(0)) for rows in ([0, 2], [3, 1, 4])]
    assert [shard.file_bytes for shard in shards] == [101, 1010]
    assert asked == [1]
    assert Shard(Images(pixels, labels, STATISTICS), torch.tensor([1, 2]), 4, Seeds(0)).file_bytes == 2 * 12


def test_an_order_depends_on_its_key_alone() -> None:
    def order(*key: str | int) -> list[int]:
        return torch.cat([batch.x.index for batch in shard().batches(key)]).tolist()

    assert order("train", 1, "a") == order("train", 1, "a")
    assert (
        len({tuple(order(*key)) for key in (("train", 1, "a"), ("train", 2, "a"), ("train", 1, "b"), ("x", 1, "a"))})
        == 4
    )


def test_in_order_is_in_order() -> None:
    batches = list(shard(10).in_order())
    assert torch.cat([batch.x.index for batch in batches]).tolist() == list(range(10))


SCORES = [torch.tensor([0.5, 0.1, 0.9]), torch.tensor([0.5, 0.7, 0.2])]


@pytest.mark.parametrize(
    ("keep", "fraction", "wanted"),
    [
        ("hardest", 0.5, [0, 2, 4]),
        ("easiest", 0.5, [0, 1, 5]),
        ("hardest", 0.99, [0, 2, 3, 4, 5]),
        ("hardest", 0.34, [2, 4]),
        ("hardest", 0.01, [2]),
        ("easiest", 0.01, [1]),
        ("easiest", 0.67, [0, 1, 3, 5]),
    ],
)
def test_choose_by_score(keep: str, fraction: float, wanted: list[int]) -> None:
    """Of equal scores the one that lies first; positions ascending; at least one."""
    assert shard(6).choose(keep, fraction, SCORES, ("k",)).tolist() == wanted


def test_choose_at_random_takes_as_many_and_depends_on_the_key() -> None:
    chosen = [shard(20).choose("random", 0.5, [], ("pruning", turn)).tolist() for turn in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 10
    assert chosen[0] == sorted(chosen[0])
    assert set(chosen[0]) <= set(range(20))
    assert chosen[0] != list(range(10))


@pytest.mark.parametrize("keep", ["hardest", "easiest", "random"])
@pytest.mark.parametrize(("samples", "fraction", "count"), [(7, 0.5, 3), (1, 0.3, 1), (3, 0.1, 1), (9, 1.0, 9)])
def test_a_dry_choice_is_of_the_same_size(keep: str, samples: int, fraction: float, count: int) -> None:
    for device in ("cpu", "meta"):
        scores = [torch.rand(samples, device=device)]
        assert len(shard(samples).choose(keep, fraction, scores, ("k",))) == count


def test_keep_takes_positions_of_the_shard() -> None:
    kept = shard(10, offset=20).keep(torch.tensor([0, 3, 9]))
    assert kept.index.tolist() == [20, 23, 29]
    assert kept.labels.tolist() == [6, 2, 1]
    assert kept.batch_size == 4


def test_digits_are_1400_and_397_in_three_equal_channels() -> None:
    raw = Digits().load()
    train, test = raw.train.pixels(16), raw.test.pixels(16)
    assert train.shape == (1400, 3, 16, 16)
    assert test.shape == (397, 3, 16, 16)
    assert (len(raw.train.labels), len(raw.test.labels), raw.classes) == (1400, 397, 10)
    assert train.dtype == np.uint8
    assert (train == train[:, :1]).all()
    assert (train.min(), train.max()) == (0, 255)


def test_digits_are_all_there_and_each_once() -> None:
    """At 8 x 8 nothing is interpolated: the data themselves, by their count and their class."""
    raw, source = Digits().load(), load_digits()
    ours = np.concatenate([raw.train.pixels(8), raw.test.pixels(8)])[:, 0].reshape(1797, 64)
    labels = np.concatenate([raw.train.labels, raw.test.labels])
    theirs = np.round(source.data / 16 * 255)
    rows = sorted([*map(int, row), int(label)] for row, label in zip(ours, labels, strict=True))
    assert rows == sorted([*map(int, row), int(label)] for row, label in zip(theirs, source.target, strict=True))


def test_digits_are_enlarged_bilinearly() -> None:
    """Twice the size: between two pixels a and b stand (3a + b) / 4 and (a + 3b) / 4; at the edge stands the pixel."""
    small, large = (Digits().load().train.pixels(size)[:, 0].astype(float) for size in (8, 16))
    wide = np.empty((1400, 8, 16))
    wide[:, :, 0], wide[:, :, -1] = small[:, :, 0], small[:, :, -1]
    wide[:, :, 1:-1:2] = (3 * small[:, :, :-1] + small[:, :, 1:]) / 4
    wide[:, :, 2:-1:2] = (small[:, :, :-1] + 3 * small[:, :, 1:]) / 4
    assert np.abs(large[:, 0] - wide[:, 0]).max() <= 1.5, "give or take the rounding of both"


def test_digits_split_is_fixed_and_not_by_class() -> None:
    one, two = Digits().load(), Digits().load()
    assert (one.train.labels == two.train.labels).all()
    assert (one.test.pixels(8) == two.test.pixels(8)).all()
    counts = np.bincount(one.test.labels)
    assert counts.sum() == 397
    assert counts.min() >= 25


def test_real_labels_are_dealt_to_clients() -> None:
    labels = Digits().load().train.labels
    shards = Dirichlet(alpha=0.5, min_samples=8).split(labels, 12, Seeds(0).stream("partition"))
    assert sorted(index for part in shards for index in part) == list(range(1400))
    assert min(map(len, shards)) >= 8
    shares = [histogram(torch.from_numpy(labels[part]), 10) / len(part) for part in shards]
    assert max(share.max() for share in shares) > 0.25, "alpha 0.5 skews classes"


def test_smaller_images_are_enlarged_when_they_are_looked_up() -> None:
    pixels = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images = Images(pixels, torch.arange(4), ((0.0,) * 3, (1.0,) * 3), size=16)
    got = images.rows(torch.tensor([2, 0]))
    assert got.shape == (2, 3, 16, 16)
    assert images.shape == (3, 16, 16)
    torch.testing.assert_close(got[:, :, 0, 0], pixels[[2, 0], :, 0, 0] / 255)
    between = (3 * pixels[[2, 0], :, 0, 0].float() + pixels[[2, 0], :, 0, 1].float()) / 4 / 255
    torch.testing.assert_close(got[:, :, 0, 1], between)
