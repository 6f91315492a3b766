"""Data sets: what is read is what lies there, labels come without pixels, and what is wrong is said in words."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pyarrow as pa
import pytest
import torchvision
from PIL import Image

from simulator.learning.datasets import parquet as parquet_module
from simulator.learning.datasets.base import DataError, Raw, Samples
from simulator.learning.datasets.digits import Digits
from simulator.learning.datasets.folder import Folder
from simulator.learning.datasets.parquet import Parquet
from simulator.learning.datasets.published import Cifar10, Flowers102, Svhn
from simulator.learning.datasets.synthetic import Synthetic
from simulator.plugins import DATASETS
from tests.learning.images import COLOURS, colours, encoded, png, write


def both(path: Path, labels: Any, images: Any = None, **settings: Any) -> Raw:
    """The same Parquet file to train and to test with."""
    file = write(path / "some.parquet", labels, images)
    return Parquet(train=(file,), test=(file,), **settings).load()


def refused(error: Any) -> str:
    return f"{error.value.key}: {error.value.problem} ({error.value.allowed})"


def test_the_names() -> None:
    names = ["cifar10", "cifar100", "digits", "flowers102", "folder", "parquet", "svhn", "synthetic"]
    assert DATASETS.names() == names
    for name in names:
        assert DATASETS.find(name).__doc__


def test_digits_are_those_of_the_first_version_to_the_byte() -> None:
    digest, raw = hashlib.sha256(), Digits().load()
    for part in (raw.train, raw.test):
        digest.update(part.pixels(8).tobytes() + part.labels.tobytes())
    assert digest.hexdigest() == "f7399459470507acfce278eb8cb5576647211632d678d425c44ca648bbb98a91"


# How large images are as files


def test_the_files_of_a_parquet_column_are_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "stacked", None)  # no image is decoded
    images = [{"bytes": bytes(size), "path": None} for size in (300, 7, 50, 9)]
    images[2] = {"bytes": None, "path": "elsewhere.png"}
    (tmp_path / "elsewhere.png").write_bytes(bytes(1234))
    for given, wanted in ((images, [300, 7, 1234, 9]), ([bytes(5), bytes(6)], [5, 6])):
        sizes = both(tmp_path, list(range(len(given))), given).train.file_bytes(224)
        assert (sizes.tolist(), sizes.dtype) == (wanted, np.int64)
    (tmp_path / "elsewhere.png").unlink()
    with pytest.raises(DataError, match=r"some.parquet, row 2 \(from 0\): there is no such image"):
        both(tmp_path, [0, 1, 2, 3], images).train.file_bytes(224)


def test_the_files_belong_to_the_labels_of_a_limited_set(tmp_path: Path) -> None:
    images = [{"bytes": bytes(100 + label), "path": None} for label in range(9)]
    part = both(tmp_path, list(range(9)), images, limit=4, test_limit=3)
    for samples, count in ((part.train, 4), (part.test, 3)):
        assert samples.file_bytes(8).tolist() == (100 + samples.labels).tolist()
        assert len(samples) == count


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name, sizes in (("ant", (10, 20)), ("bee", (30,))):
        for number, size in enumerate(sizes):
            (tmp_path / "train" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "train" / name / f"{number}.png").write_bytes(bytes(size))
    (tmp_path / "test" / "bee").mkdir(parents=True)
    (tmp_path / "test" / "bee" / "0.jpg").write_bytes(bytes(7))
    raw = Folder(path=str(tmp_path)).load()
    assert (raw.train.file_bytes(8).tolist(), raw.test.file_bytes(8).tolist()) == ([10, 20, 30], [7])


def test_what_has_no_files_counts_by_its_pixels() -> None:
    digits = Digits().load()
    assert (digits.train.file_bytes(224).tolist(), digits.test.file_bytes(8).tolist()) == ([64] * 1400, [64] * 397)
    drawn = Synthetic(samples=10, test_samples=3).load()
    assert drawn.train.file_bytes(16).tolist() == [3 * 16 * 16] * 10
    assert drawn.train.file_bytes(32).tolist() == [3 * 32 * 32] * 10
    assert Synthetic(samples=10, shape=(3, 4, 5)).load().train.file_bytes(16).tolist() == [60] * 10


# Parquet


def test_parquet_with_integers(tmp_path: Path) -> None:
    raw = both(tmp_path, [3, 0, 1, 2, 3, 1, 0])
    assert raw.train.labels.tolist() == [3, 0, 1, 2, 3, 1, 0]
    assert raw.train.labels.dtype == np.int64
    assert raw.names == ("0", "1", "2", "3")
    assert colours(raw.train.pixels(8)) == [0, 1, 2, 3, 4, 0, 1]
    assert raw.train.pixels(8).dtype == np.uint8


def test_parquet_with_plain_bytes_and_with_paths(tmp_path: Path) -> None:
    assert colours(both(tmp_path, [0, 1], [png(3), png(4)]).test.pixels(8)) == [3, 4]
    (tmp_path / "two.png").write_bytes(png(2))
    images = [{"bytes": None, "path": "two.png"}, {"bytes": png(1), "path": None}]
    assert colours(both(tmp_path, [0, 1], images).test.pixels(8)) == [2, 1]


@pytest.mark.parametrize(
    ("labels", "wanted", "names"),
    [
        (["dog", "cat", "emu", "cat"], [1, 0, 2, 0], ("cat", "dog", "emu")),
        ([True, False, True], [1, 0, 1], ("false", "true")),
        (pa.array(["b", "a"]).dictionary_encode(), [1, 0], ("a", "b")),
        (pa.array([1, 0], pa.uint8()), [1, 0], ("0", "1")),
    ],
)
def test_parquet_numbers_labels_in_sorted_order(tmp_path: Path, labels: Any, wanted: Any, names: Any) -> None:
    raw = both(tmp_path, labels)
    assert (raw.train.labels.tolist(), raw.names) == (wanted, names)


def test_train_and_test_are_numbered_alike(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", ["c", "a", "b"]), write(tmp_path / "b", ["c", "b"])
    raw = Parquet(train=(train,), test=(test,)).load()
    assert raw.test.labels.tolist() == [2, 1]


def test_parquet_knows_hugging_faces_class_names(tmp_path: Path) -> None:
    told = {"info": {"features": {"label": {"names": ["ant", "bee", "cow"], "_type": "ClassLabel"}}}}
    file = write(tmp_path / "a", [1, 0, 1], metadata={"huggingface": json.dumps(told)})
    assert Parquet(train=(file,), test=(file,)).load().names == ("ant", "bee", "cow")
    assert Parquet(train=(file,), test=(file,), classes=4).load().names == ("ant", "bee", "cow", "3")


def test_several_files_are_one_behind_the_other(tmp_path: Path) -> None:
    for number, labels in enumerate(([0, 1, 2, 3], [4], [0, 1, 2])):
        write(tmp_path / f"train-{number}.parquet", labels, [png(label) for label in labels])
    raw = Parquet(train=f"{tmp_path}/train-*.parquet", test=[f"{tmp_path}/train-0.parquet"], limit=6).load()  # type: ignore[arg-type]
    assert len(raw.train) == 6
    assert colours(raw.train.pixels(8)) == raw.train.labels.tolist()
    again = Parquet(train=f"{tmp_path}/train-*.parquet", test=[f"{tmp_path}/train-0.parquet"], limit=6).load()  # type: ignore[arg-type]
    assert again.train.labels.tolist() == raw.train.labels.tolist()
    assert len(raw.test) == 4


def test_labels_come_without_decoding_and_pixels_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole = parquet_module.stacked
    monkeypatch.setattr(parquet_module, "stacked", lambda *args: asked.append(args[2]) or whole(*args))
    raw = both(tmp_path, [0, 1], [png(0), b"not looked at"]).check()
    assert raw.classes == 2
    assert asked == []
    raw = both(tmp_path, [0, 1])
    assert raw.train.pixels(8) is raw.train.pixels(8)
    assert asked == [8]


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        ([0, 9], {"classes": 5}, "row 1 (from 0), has the label 9: there are 5 classes (0 to 4)"),
        ([0, -1], {}, "row 1 (from 0), has the label -1: classes are numbered from 0 (0 to 0)"),
        ([1, 2], {}, "classes: labels go up to 2, but none is 0: say how many classes there are (3 or more"),
        ([0, 2**62], {}, "labels go up to 4611686018427387904, but none is 1: say how many"),
        (pa.array([0, 2**63], pa.uint64()), {"classes": 2}, "has the label 9223372036854775808: there are 2 classes"),
        ([0, None], {}, "row 1 (from 0), has the label empty: it is missing"),
        ([0.5, 1.0], {}, "row 0 (from 0), has the label 0.5: that is no label (whole numbers from 0, text"),
        ([[0], [1]], {}, "has the label [0]: that is no label"),
        (["a", "b", "c"], {"classes": 2}, "classes: 3 different labels occur (at least 3, or null)"),
        ([0, 1], {"image": "label"}, "image: in "),
        ([0, 1], {"image": "imag"}, 'has no such column; did you mean "img"? (img, label)'),
        ([0, 1], {"label": "labels"}, 'has no such column; did you mean "label"? (img, label)'),
    ],
)
def test_parquet_refuses_in_words(tmp_path: Path, labels: Any, settings: Any, said: str) -> None:
    with pytest.raises(DataError) as error:
        both(tmp_path, labels, **settings)
    assert said in refused(error)


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", [0, 1]), write(tmp_path / "b", ["0", "1"])
    with pytest.raises(DataError, match="others are of another kind"):
        Parquet(train=(train,), test=(test,)).load()


def test_files_that_are_not_there_or_no_parquet(tmp_path: Path) -> None:
    good = write(tmp_path / "good.parquet", [0, 1])
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(Path(good).read_bytes()[:-20])
    for path, said in (
        (str(bad), "cannot be read as Parquet: Parquet magic bytes not found"),
        (f"{tmp_path}/none", "there is no file "),
        (f"{tmp_path}/x-*.parquet", "no file matches "),
        (str(tmp_path), "cannot be read as Parquet"),
    ):
        with pytest.raises(DataError) as error:
            Parquet(train=(good,), test=(path,)).load()
        assert said in refused(error)
        assert path in refused(error)
        assert error.value.key == "test"


def test_a_page_that_is_corrupt(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images = [encoded(Image.fromarray(image)) for image in noise]
    file = Path(write(tmp_path / "a.parquet", [0] * 40, images))
    data = bytearray(file.read_bytes())
    data[4:200] = bytes(196)
    file.write_bytes(data)
    raw = Parquet(train=(str(file),), test=(str(file),)).load()
    with pytest.raises(DataError) as error:
        raw.train.pixels(8)
    assert "cannot be read" in refused(error)


@pytest.mark.parametrize("broken", [b"", b"no image", png()[:40], None])
def test_an_image_that_is_corrupt_is_named_by_its_row(tmp_path: Path, broken: bytes | None) -> None:
    raw = both(tmp_path, [0, 1, 0, 1, 0], [png(), png(), png(), png(), broken])
    with pytest.raises(DataError) as error:
        raw.train.pixels(8)
    assert "some.parquet, row 4 (from 0)" in refused(error)
    assert "0x" not in refused(error)


# What is checked of every data set


def test_no_images(tmp_path: Path) -> None:
    full, none = write(tmp_path / "a", [0, 1]), write(tmp_path / "b", pa.array([], pa.int64()), kind=pa.binary())
    with pytest.raises(DataError, match="there are no images to test with"):
        Parquet(train=(full,), test=(none,)).load().check()
    with pytest.raises(DataError, match="there are no images to train with"):
        Parquet(train=(none,), test=(none,)).load().check()


def test_a_class_that_is_only_tested(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", ["ant", "bee"]), write(tmp_path / "b", ["ant", "cow"])
    with pytest.raises(DataError, match=r'1 of 3 classes are tested, but no training image shows them: "cow";'):
        Parquet(train=(train,), test=(test,)).load().check()
    Parquet(train=(train,), test=(write(tmp_path / "c", ["ant"]),)).load().check()  # trained only: nothing is lost


def test_labels_of_a_plug_in_outside_its_classes() -> None:
    samples = Samples(np.array([0, 2]), lambda size: np.zeros((2, 3, size, size), np.uint8), lambda size: np.ones(2))
    with pytest.raises(DataError, match="has the label 2, but there are 2 classes"):
        Raw(samples, samples, ("a", "b")).check()


# Folders


def folder(root: Path, classes: dict[str, int]) -> Path:
    """So many images in each of these folders, of the colour of their place."""
    for place, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(png(place % 5))
    return root


@pytest.mark.parametrize("test", ["test", "val"])
def test_a_split_folder(tmp_path: Path, test: str) -> None:
    folder(tmp_path / "train", {"ant": 3, "bee": 2, "cow/images": 1})
    folder(tmp_path / test, {"bee": 1, "ant": 1})
    (tmp_path / "train" / "ant" / "notes.txt").write_text("no image")
    (tmp_path / "train" / ".cache").mkdir()
    raw = Folder(path=str(tmp_path)).load().check()
    assert raw.names == ("ant", "bee", "cow")
    assert raw.train.labels.tolist() == colours(raw.train.pixels(8)) == [0, 0, 0, 1, 1, 2]
    assert raw.test.labels.tolist() == [0, 1]
    assert colours(raw.test.pixels(8)) == [1, 0]


def test_a_folder_that_is_not_split(tmp_path: Path) -> None:
    raw = Folder(path=str(folder(tmp_path, {"ant": 10, "bee": 5, "cow": 1})), test_fraction=0.3).load().check()
    assert np.bincount(raw.train.labels).tolist() == [7, 3, 1]
    assert np.bincount(raw.test.labels, minlength=3).tolist() == [3, 2, 0]
    assert colours(raw.test.pixels(8)) == raw.test.labels.tolist()


def test_folders_refuse_in_words(tmp_path: Path) -> None:
    def message(**settings: Any) -> str:
        with pytest.raises(DataError) as error:
            Folder(path=str(tmp_path), **settings).load()
        return refused(error)

    with pytest.raises(DataError, match="there is no folder "):
        Folder(path=f"{tmp_path}/none").load()
    assert "has no folders: the images of each class belong into one of their own" in message(test_fraction=0.5)
    folder(tmp_path / "train", {"ant": 1, "bee": 1})
    assert "has no folder to test with (test, val, valid, validation), and no test_fraction is said" in message()
    folder(tmp_path / "val", {"bees": 1})
    assert 'tests the class "bees", and does not train it; did you mean "bee"? (ant, bee)' in message()
    assert "test_fraction: " in message(test_fraction=0.5)
    (tmp_path / "train" / "ant" / "0.png").unlink()
    assert "train/ant is the folder of a class, and has no image in it" in message()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (folder(tmp_path, {"ant": 2, "bee": 2}) / "bee" / "1.png").write_bytes(png()[:50])
    raw = Folder(path=str(tmp_path), test_fraction=0.5).load()
    with pytest.raises(DataError, match=r"bee/1\.png: the image cannot be read"):
        raw.train.pixels(8), raw.test.pixels(8)


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
            "root: cifar10 is not in ROOT, or not whole (the folder that has it, or down",
        ),
    ],
)
def test_a_download_that_fails(
    download: bool, error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    with pytest.raises(DataError) as found:
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
