"""Data sets: what is read is what lies there, labels come without pixels, and what is wrong is said in words."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pyarrow as pa
import pytest
import torchvision
from PIL import Image

from simulator.learning.data.datasets.base import Raw, Samples
from simulator.learning.data.datasets.cifar10 import Cifar10
from simulator.learning.data.datasets.digits import Digits
from simulator.learning.data.datasets.flowers102 import Flowers102
from simulator.learning.data.datasets.parquet import Parquet
from simulator.learning.data.datasets.svhn import Svhn
from simulator.learning.data.datasets.synthetic import Synthetic
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import DATASETS
from tests.helpers.images import COLOURS, colours, refused, write


def test_the_names() -> None:
    images = ["cifar10", "cifar100", "digits", "flowers102", "folder", "parquet", "svhn", "synthetic"]
    texts = ["ag_news", "gsm8k", "mnli", "mrpc", "sst2", "synthetic_text", "text_csv", "text_files", "text_parquet"]
    names = [*images, *texts]
    assert DATASETS.names() == sorted(names)
    for name in names:
        assert DATASETS.find(name).__doc__


def test_digits_are_those_of_the_first_version_to_the_byte() -> None:
    digest, raw = hashlib.sha256(), Digits().load()
    for part in (raw.train, raw.test):
        digest.update(part.pixels(8).tobytes() + part.labels.tobytes())
    assert digest.hexdigest() == "f7399459470507acfce278eb8cb5576647211632d678d425c44ca648bbb98a91"


# How large images are as files


def test_what_has_no_files_counts_by_its_pixels() -> None:
    digits = Digits().load()
    assert (digits.train.file_bytes(224).tolist(), digits.test.file_bytes(8).tolist()) == ([64] * 1400, [64] * 397)
    drawn = Synthetic(samples=10, test_samples=3).load()
    assert drawn.train.file_bytes(16).tolist() == [3 * 16 * 16] * 10
    assert drawn.train.file_bytes(32).tolist() == [3 * 32 * 32] * 10
    assert Synthetic(samples=10, shape=(3, 4, 5)).load().train.file_bytes(16).tolist() == [60] * 10


# What is checked of every data set


def test_no_images(tmp_path: Path) -> None:
    full, none = write(tmp_path / "a", [0, 1]), write(tmp_path / "b", pa.array([], pa.int64()), kind=pa.binary())
    with pytest.raises(UnfitError, match="there are no images to test with"):
        Parquet(train=(full,), test=(none,)).load().check()
    with pytest.raises(UnfitError, match="there are no images to train with"):
        Parquet(train=(none,), test=(none,)).load().check()


def test_a_class_that_is_only_tested(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", ["ant", "bee"]), write(tmp_path / "b", ["ant", "cow"])
    with pytest.raises(UnfitError, match=r'1 of 3 classes are tested, but no training image shows them: "cow";'):
        Parquet(train=(train,), test=(test,)).load().check()
    Parquet(train=(train,), test=(write(tmp_path / "c", ["ant"]),)).load().check()  # trained only: nothing is lost


def test_labels_of_a_plug_in_outside_its_classes() -> None:
    samples = Samples(np.array([0, 2]), lambda size: np.zeros((2, 3, size, size), np.uint8), lambda size: np.ones(2))
    with pytest.raises(UnfitError, match="has the label 2, but there are 2 classes"):
        Raw(samples, samples, ("a", "b")).check()


# torchvision's


class Theirs:
    """Stands in for a class of torchvision's: five images of the colours, as many as the class would give."""

    opened: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, root: str, download: bool = False, **which: Any) -> None:
        self.opened.append({"root": root, "download": download, **which})
        self.targets = self.labels = self._labels = np.arange(5) if which.get("split") == "val" else [4, 3, 2, 1, 0]
        self.classes = list("abcde")
        self._image_files = [Path(root, f"{which.get('split')}-{row}.jpg") for row in range(5)]

    def __len__(self) -> int:
        return 5

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        label = int(self.targets[row])
        return Image.new("RGB", (8, 8), COLOURS[label]), label


@pytest.mark.parametrize(
    ("kind", "theirs", "parts"),
    [
        (Cifar10, "CIFAR10", [{"train": True}, {"train": False}]),
        (Svhn, "SVHN", [{"split": "train"}, {"split": "test"}]),
        (Flowers102, "Flowers102", [{"split": "train"}, {"split": "val"}, {"split": "test"}]),
    ],
)
def test_torchvisions(kind: Any, theirs: str, parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, theirs, Theirs)
    monkeypatch.setattr(Theirs, "opened", [])
    raw = kind(root=str(tmp_path), download=True, limit=4).load()
    assert Theirs.opened == [{"root": str(tmp_path), "download": True, **part} for part in parts]
    assert raw.names == tuple("abcde")
    assert len(raw.train) == 4
    for part in (raw.train, raw.test):
        assert colours(part.pixels(8)) == part.labels.tolist()


def test_how_large_torchvisions_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw pixels where they are published so; Flowers-102 is files."""
    for theirs in ("CIFAR10", "SVHN", "Flowers102"):
        monkeypatch.setattr(torchvision.datasets, theirs, Theirs)
    for kind in (Cifar10, Svhn):
        assert kind(root=str(tmp_path), limit=4).load().train.file_bytes(224).tolist() == [3072] * 4
    for at, split in enumerate(("train", "val", "test")):
        for row in range(5):
            (tmp_path / f"{split}-{row}.jpg").write_bytes(bytes(100 * at + row))
    raw = Flowers102(root=str(tmp_path)).load()
    assert raw.train.file_bytes(224).tolist() == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert raw.test.file_bytes(224).tolist() == [200, 201, 202, 203, 204]


@pytest.mark.parametrize(
    ("download", "error", "said"),
    [
        (
            True,
            URLError("no network"),
            "download: cifar10 could not be downloaded to ROOT (URLError: <urlopen error no",
        ),
        (True, tarfile.ReadError("bad"), "download: cifar10 could not be downloaded to ROOT (ReadError: bad)"),
        (
            False,
            RuntimeError("not found"),
            "root: cifar10 is not in ROOT, or is incomplete (the folder that has it, or down",
        ),
    ],
)
def test_a_download_that_fails(
    download: bool, error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    with pytest.raises(UnfitError) as found:
        Cifar10(root=str(tmp_path), download=download).load()
    assert refused(found).replace(str(tmp_path), "ROOT").startswith(said)


# Synthetic


def test_synthetic_images_are_the_same_each_time_and_tell_their_class() -> None:
    one, two = (Synthetic(samples=60, test_samples=20, classes=4).load().check() for _ in range(2))
    assert np.array_equal(one.train.pixels(16), two.train.pixels(16))
    assert (one.train.pixels(16).shape, one.classes) == ((60, 3, 16, 16), 4)
    assert np.bincount(one.train.labels).tolist() == [15] * 4
    train, test = (part.pixels(16).reshape(len(part), -1).astype(float) for part in (one.train, one.test))
    means = np.array([train[one.train.labels == label].mean(axis=0) for label in range(4)])
    nearest = ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == one.test.labels).all()
    assert np.ptp(train[one.train.labels == 0], axis=0).min() > 0, "no two images of a class are the same"


def test_synthetic_images_of_another_shape_are_scaled() -> None:
    raw = Synthetic(samples=10, test_samples=3, shape=(3, 20, 12)).load()
    assert raw.test.pixels(8).shape == (3, 3, 8, 8)
    assert raw.test.pixels(20).shape == (3, 3, 20, 12), "smaller ones are enlarged when they are looked up"
