"""Folders of image files: a class a folder, split or not, and what is wrong with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.learning.data.datasets.folder import Folder
from simulator.settings.errors import UnfitError
from tests.helpers.images import colours, png, refused


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name, sizes in (("ant", (10, 20)), ("bee", (30,))):
        for number, size in enumerate(sizes):
            (tmp_path / "train" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "train" / name / f"{number}.png").write_bytes(bytes(size))
    (tmp_path / "test" / "bee").mkdir(parents=True)
    (tmp_path / "test" / "bee" / "0.jpg").write_bytes(bytes(7))
    raw = Folder(path=str(tmp_path)).load()
    assert (raw.train.file_bytes(8).tolist(), raw.test.file_bytes(8).tolist()) == ([10, 20, 30], [7])


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
        with pytest.raises(UnfitError) as error:
            Folder(path=str(tmp_path), **settings).load()
        return refused(error)

    with pytest.raises(UnfitError, match="there is no folder "):
        Folder(path=f"{tmp_path}/none").load()
    assert "has no folders: put the images of each class into a folder of its own" in message(test_fraction=0.5)
    folder(tmp_path / "train", {"ant": 1, "bee": 1})
    assert "has no folder to test with (test, val, valid, validation), and test_fraction is not set" in message()
    folder(tmp_path / "val", {"bees": 1})
    assert 'has test images of class "bees", but no training images; did you mean "bee"? (ant, bee)' in message()
    assert "test_fraction: " in message(test_fraction=0.5)
    (tmp_path / "train" / "ant" / "0.png").unlink()
    assert "train/ant is the folder of a class, and has no image in it" in message()


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refusing)
    with pytest.raises(UnfitError, match="cannot be read: Permission denied"):
        Folder(path=str(tmp_path), test_fraction=0.5).load()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (folder(tmp_path, {"ant": 2, "bee": 2}) / "bee" / "1.png").write_bytes(png()[:50])
    raw = Folder(path=str(tmp_path), test_fraction=0.5).load()
    with pytest.raises(UnfitError, match=r"bee/1\.png: the image cannot be read"):
        raw.train.pixels(8), raw.test.pixels(8)


def test_a_class_whose_name_is_no_text_is_shown_with_escapes(tmp_path: Path) -> None:
    folder(tmp_path, {"ant": 4, "caf\udce9": 4, "gar\u00e7on": 4})
    names = Folder(path=str(tmp_path), test_fraction=0.5).load().check().names
    assert set(names) == {"ant", "caf\\xe9", "gar\u00e7on"}
