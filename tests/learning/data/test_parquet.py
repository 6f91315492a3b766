"""Parquet files: labels without pixels, numbered in a fixed order, and the row of what is broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from simulator.learning.data.datasets import parquet as parquet_module
from simulator.learning.data.datasets.base import Raw
from simulator.learning.data.datasets.parquet import Parquet
from simulator.settings.errors import UnfitError
from tests.helpers.images import colours, encoded, png, refused, write


def both(path: Path, labels: Any, images: Any = None, **settings: Any) -> Raw:
    """The same Parquet file to train and to test with."""
    file = write(path / "some.parquet", labels, images)
    return Parquet(train=(file,), test=(file,), **settings).load()


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
    with pytest.raises(UnfitError, match=r"some.parquet, row 2 \(from 0\): there is no such image"):
        both(tmp_path, [0, 1, 2, 3], images).train.file_bytes(224)


def test_the_files_belong_to_the_labels_of_a_limited_set(tmp_path: Path) -> None:
    images = [{"bytes": bytes(100 + label), "path": None} for label in range(9)]
    part = both(tmp_path, list(range(9)), images, limit=4, test_limit=3)
    for samples, count in ((part.train, 4), (part.test, 3)):
        assert samples.file_bytes(8).tolist() == (100 + samples.labels).tolist()
        assert len(samples) == count


# What is read


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
        ([0.5, 1.0], {}, "row 0 (from 0), has the label 0.5: that is not a label (whole numbers from 0, text"),
        ([[0], [1]], {}, "has the label [0]: that is not a label"),
        (["a", "b", "c"], {"classes": 2}, "classes: 3 different labels occur (at least 3, or null)"),
        ([0, 1], {"image": "label"}, "image: in "),
        ([0, 1], {"image": "imag"}, 'has no such column; did you mean "img"? (img, label)'),
        ([0, 1], {"label": "labels"}, 'has no such column; did you mean "label"? (img, label)'),
    ],
)
def test_parquet_refuses_in_words(tmp_path: Path, labels: Any, settings: Any, said: str) -> None:
    with pytest.raises(UnfitError) as error:
        both(tmp_path, labels, **settings)
    assert said in refused(error)


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", [0, 1]), write(tmp_path / "b", ["0", "1"])
    with pytest.raises(UnfitError, match="others are of another kind"):
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
        with pytest.raises(UnfitError) as error:
            Parquet(train=(good,), test=(path,)).load()
        assert said in refused(error)
        assert path in refused(error)
        assert error.value.key == "test"


def test_row_groups_without_a_chosen_row_are_not_read(tmp_path: Path) -> None:
    """Their pages are noise: only what asks for all images sees it."""
    file = Path(write(tmp_path / "a.parquet", [number % 5 for number in range(30)]))
    some = Parquet(train=(str(file),), test=(str(file),), limit=4)
    rows = some.chosen("train", 30).tolist()
    sizes = [len(png(row % 5)) for row in rows]
    before = some.load().train  # its labels: their pages stay as they are
    _spoil(file, {row // 3 for row in range(30)} - {row // 3 for row in rows})
    assert colours(before.pixels(8)) == [row % 5 for row in rows]
    assert before.file_bytes(8).tolist() == sizes
    with pytest.raises(UnfitError, match="cannot be read as Parquet"):
        Parquet(train=(str(file),), test=(str(file),)).load().train.pixels(8)


def _spoil(file: Path, groups: set[int]) -> None:
    """Overwrite the images of these row groups."""
    data, about = bytearray(file.read_bytes()), pq.read_metadata(file)
    for group in groups:
        column = about.row_group(group).column(0)
        begin = column.dictionary_page_offset or column.data_page_offset
        data[begin : begin + column.total_compressed_size] = bytes(column.total_compressed_size)
    file.write_bytes(data)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_every_kind_of_bytes_has_a_length(kind: pa.DataType, tmp_path: Path) -> None:
    for given, of in (([bytes(5), bytes(6)], kind), ([{"bytes": bytes(5)}, {"bytes": bytes(6)}], [("bytes", kind)])):
        try:
            file = write(tmp_path / "a", [0, 1], given, kind=of if of is kind else pa.struct(of))
        except pa.ArrowNotImplementedError:
            pytest.skip(f"PyArrow {pa.__version__} reads files of this kind, but cannot write them")
        assert Parquet(train=(file,), test=(file,)).load().train.file_bytes(8).tolist() == [5, 6]


def test_a_page_that_is_corrupt(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images = [encoded(Image.fromarray(image)) for image in noise]
    file = Path(write(tmp_path / "a.parquet", [0] * 40, images))
    data = bytearray(file.read_bytes())
    data[4:200] = bytes(196)
    file.write_bytes(data)
    raw = Parquet(train=(str(file),), test=(str(file),)).load()
    with pytest.raises(UnfitError) as error:
        raw.train.pixels(8)
    assert "cannot be read" in refused(error)


@pytest.mark.parametrize("broken", [b"", b"no image", png()[:40], None])
def test_an_image_that_is_corrupt_is_named_by_its_row(tmp_path: Path, broken: bytes | None) -> None:
    raw = both(tmp_path, [0, 1, 0, 1, 0], [png(), png(), png(), png(), broken])
    with pytest.raises(UnfitError) as error:
        raw.train.pixels(8)
    assert "some.parquet, row 4 (from 0)" in refused(error)
    assert "0x" not in refused(error)
