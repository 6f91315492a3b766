"""A folder of image files, with one folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simulator.learning.data.datasets.base import Limited, Raw, Samples
from simulator.learning.data.datasets.pixels import file_bytes, stacked
from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError
from simulator.settings.printable import printable
from simulator.settings.wording import listed, near_miss

KINDS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files with these endings are images; others are ignored."""
TESTS = ("test", "val", "valid", "validation")
"""The names that the folder of test images may have."""

Classes = dict[str, list[Path]]
"""The image files of each class; classes and files are sorted by name."""


class Folder(Limited):
    """Image files in ``train/<class>/*`` and ``test/<class>/*`` (or ``val``), or in ``<class>/*`` alone.

    Each class is named after its folder, which may have subfolders. Bytes of the name that are no UTF-8 become escapes,
    such as ``caf\\xe9``. Names that begin with a dot are ignored.

    Attributes:
        path: the folder, relative to the folder of the scenario.
        test_fraction: the share of each class, a fixed random choice, to use for testing where the folder has no test
            images; null: there is a folder of test images.
    """

    name: ClassVar[str] = "folder"
    path: LocalPath
    test_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None

    def load(self) -> Raw:
        root = Path(self.path)
        if not root.is_dir():
            raise UnfitError("path", None, f"there is no folder {root}")
        try:
            train, test = self._parts(root)
        except OSError as error:
            raise UnfitError("path", None, f"{error.filename} cannot be read: {error.strerror}") from error
        for name in test:
            if name not in train:
                problem = f'{root} has test images of class "{name}", but no training images{near_miss(name, train)}'
                raise UnfitError("path", None, problem, listed(train))
        return Raw(self._samples("train", train, list(train)), self._samples("test", test, list(train)), tuple(train))

    def _parts(self, root: Path) -> tuple[Classes, Classes]:
        """Return the images for training and for testing."""
        split = (root / "train").is_dir()
        tests = [root / name for name in TESTS if (root / name).is_dir()]
        if split and tests:
            if self.test_fraction is not None:
                problem = f"{tests[0]} has the test images, so that none are taken from the training images"
                raise UnfitError("test_fraction", self.test_fraction, problem, "null")
            return _classes(root / "train"), _classes(tests[0])
        classes = _classes(root / "train" if split else root)
        if self.test_fraction is None:
            problem = f"{root} has no folder to test with ({listed(TESTS)}), and test_fraction is not set"
            raise UnfitError("path", None, problem, "test_fraction: 0.2, for a fifth of each class")
        return _split(classes, self.test_fraction)

    def _samples(self, part: str, classes: Classes, names: list[str]) -> Samples:
        labelled = [(names.index(name), file) for name, files in classes.items() for file in files]
        labels, files = np.array([label for label, _ in labelled]), [file for _, file in labelled]
        rows = self.chosen(part, len(labels))

        images = [(str(files[row]), files[row]) for row in rows]
        return Samples(
            labels[rows],
            lambda size: stacked(images, len(images), size, "path"),
            lambda size: file_bytes(images, "path"),
        )


def _classes(folder: Path) -> Classes:
    """Find the image files of each class, and refuse a folder without classes and a class without images."""
    classes = {
        printable(inner.name): sorted(
            file for file in inner.rglob("*") if file.suffix.lower() in KINDS and _visible(file, inner)
        )
        for inner in sorted(folder.iterdir())
        if inner.is_dir() and _visible(inner, folder)
    }
    if not classes:
        raise UnfitError(
            "path", None, f"{folder} has no folders: put the images of each class into a folder of its own"
        )
    empty = [name for name, files in classes.items() if not files]
    if empty:
        problem = f"{folder / empty[0]} is the folder of a class, and has no image in it"
        raise UnfitError("path", None, problem, f"files that end in {listed(sorted(KINDS))}")
    return classes


def _visible(file: Path, root: Path) -> bool:
    """Tell whether no name on the way from ``root`` to a file begins with a dot."""
    return not any(part.startswith(".") for part in file.relative_to(root).parts)


def _split(classes: Classes, fraction: float) -> tuple[Classes, Classes]:
    """Split each class into images for training, at least one, and for testing."""
    random, train, test = np.random.default_rng(0), {}, {}
    for name, files in classes.items():
        tested = set(random.permutation(len(files))[: min(round(fraction * len(files)), len(files) - 1)])
        train[name] = [file for row, file in enumerate(files) if row not in tested]
        test[name] = [file for row, file in enumerate(files) if row in tested]
    return train, test
