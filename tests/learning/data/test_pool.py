"""Synthetic data of as many samples as are needed: nothing is held, and everything is the same whenever it is made."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from simulator.learning.data.datasets.synthetic import Synthetic
from simulator.learning.data.images import Images
from simulator.learning.data.pool import POSITIONS, Pool
from simulator.learning.modalities import ImageModality

HALF = ((0.5,) * 3, (0.5,) * 3)


def inputs(dry: bool, **settings: int) -> Images:
    raw = Synthetic(samples="auto", **settings).load().check()
    images: Images = ImageModality(HALF, 8).inputs(raw.train, dry)
    return images


def test_a_pool_has_every_position_in_every_class() -> None:
    pool = Pool(4)
    assert len(pool) == 4 * POSITIONS
    assert pool[np.arange(8)].tolist() == [0, 1, 2, 3] * 2
    assert pool[torch.arange(8)].tolist() == [0, 1, 2, 3] * 2


def test_images_are_made_when_they_are_looked_up() -> None:
    images = inputs(dry=False)
    index = torch.tensor([7, 123_456_789_012, 7])
    rows = images.rows(index)
    assert rows.shape == (3, 3, 8, 8)
    assert torch.equal(rows[0], rows[2])
    assert torch.equal(images.rows(index[1:2])[0], rows[1])
    assert images.targets(index).tolist() == [7, 2, 7]
    assert images.rows(index[:0]).shape == (0, 3, 8, 8)


def test_images_of_a_class_are_alike_and_differ_in_their_noise() -> None:
    images = inputs(dry=False)
    same, other = images.rows(torch.arange(50) * 10), images.rows(torch.arange(50) * 10 + 1)
    assert not torch.equal(same[0], same[1])
    assert (same.mean(0) - other.mean(0)).abs().max() > 0.3, "classes have different patterns"
    assert (same[:25].mean(0) - same[25:].mean(0)).abs().max() < 0.3


def test_a_dry_run_knows_shapes_and_classes() -> None:
    images = inputs(dry=True)
    assert images.rows(torch.arange(3)).shape == (3, 3, 8, 8)
    assert images.rows(torch.arange(3)).is_meta
    assert images.targets(torch.tensor([13, 20])).tolist() == [3, 0]
    assert images.blank().shape == images.shape


def test_each_image_counts_as_its_pixels() -> None:
    assert int(inputs(dry=True).file_bytes[torch.tensor([5, 10**9])].sum()) == 2 * 3 * 8 * 8


@pytest.mark.parametrize("samples", ["auto", 5000])
def test_images_are_scaled_to_the_wanted_size(samples: int | str) -> None:
    raw = Synthetic.model_validate({"samples": samples, "shape": [3, 16, 12]}).load()
    images = ImageModality(HALF, 8).inputs(raw.train, dry=False)
    assert images.rows(torch.arange(2)).shape == (2, 3, 8, 8)


def test_partitions_of_a_pool_need_no_torch() -> None:
    code = "import sys, simulator.learning.data.partition.iid, simulator.learning.data.datasets.synthetic\n"
    code += "print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
