"""The real data sets this project was built with, where they are at hand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import compute
from pyarrow.parquet import read_table

from simulator.learning.data.datasets.parquet import Parquet
from tests.helpers.places import SHARED

DATA = SHARED / "data"
CIFAR10, TINY = DATA / "cifar10", DATA / "tiny-imagenet-32"

pytestmark = pytest.mark.slow


def needs(folder: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not folder.is_dir(), reason=f"{folder} is not there")


GROWTH = """
import resource, sys
import torch, PIL.JpegImagePlugin, pyarrow.parquet
from simulator.learning.data.datasets.parquet import Parquet
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = peak()
raw = Parquet(train=(sys.argv[1] + "/train.parquet",), test=(sys.argv[1] + "/test.parquet",)).load()
pixels = raw.train.pixels(int(sys.argv[2]))
assert pixels.shape == (50_000, 3, 32, 32)
print(peak() - before)
"""


@needs(CIFAR10)
@pytest.mark.parametrize("size", [32, 224])
def test_fifty_thousand_images_take_less_than_250_megabytes(size: int) -> None:
    told = subprocess.run(
        [sys.executable, "-c", GROWTH, str(CIFAR10), str(size)], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) < 250e6


@needs(CIFAR10)
def test_cifar10_is_read_whole() -> None:
    raw = Parquet(train=(str(CIFAR10 / "train.parquet"),), test=(str(CIFAR10 / "test.parquet"),)).load().check()
    assert np.bincount(raw.train.labels).tolist() == [5000] * 10
    assert np.bincount(raw.test.labels).tolist() == [1000] * 10
    pixels = raw.test.pixels(32)
    assert 0.4 < pixels.mean() / 255 < 0.55
    assert pixels.std() > 50


@needs(CIFAR10)
def test_how_large_the_files_of_cifar10_are() -> None:
    file = str(CIFAR10 / "train.parquet")
    sizes = Parquet(train=(file,), test=(file,)).load().train.file_bytes(224)
    encoded = compute.struct_field(read_table(file, columns=["img"]).column(0), "bytes")
    assert sizes.tolist() == compute.binary_length(encoded).to_pylist()


@needs(TINY)
def test_tiny_imagenet_is_read_in_shards_and_shrunk() -> None:
    raw = Parquet(train=(str(TINY / "train-*.parquet"),), test=(str(TINY / "val.parquet"),), limit=4000).load()
    assert raw.classes == 200
    assert len(raw.train) == 4000
    assert len(raw.test) == 10_000
    assert raw.train.pixels(16).shape == (4000, 3, 16, 16)
