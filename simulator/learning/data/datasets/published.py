"""The base of data sets that are a class in torchvision, such as CIFAR-10.

A subclass names that class. Its images count as raw pixels of 32 x 32 where their bytes matter, unless it overrides
``_file_bytes``. Other images need no class of their own: see ``folder`` for image files and ``parquet`` for Parquet
files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simulator.learning.data.datasets.base import Limited, Raw, Samples
from simulator.learning.data.datasets.pixels import stacked
from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from PIL.Image import Image

Parts = Mapping[str, tuple[Mapping[str, Any], ...]]
"""Part -> the arguments of each of torchvision's data sets that make it up."""


class Published(Limited):
    """A data set from torchvision.

    Attributes:
        root: the folder of the data set, in torchvision's own layout; relative to the folder of the scenario.
        download: whether to download the data set if it is not in this folder yet.
    """

    root: LocalPath
    download: bool = False

    theirs: ClassVar[str]
    """The name of torchvision's class."""
    parts: ClassVar[Parts] = {"train": ({"train": True},), "test": ({"train": False},)}
    """The arguments of that class that make up each part; several are concatenated."""
    targets: ClassVar[str] = "targets"
    """The attribute of that class that has the labels."""
    classes: ClassVar[int]
    """The number of classes."""

    def load(self) -> Raw:
        opened = {part: [self._open(which) for which in self.parts[part]] for part in self.parts}
        names = getattr(opened["train"][0], "classes", None) or range(self.classes)
        return Raw(
            self._samples("train", opened["train"]),
            self._samples("test", opened["test"]),
            tuple(str(name) for name in names),
        )

    def _samples(self, part: str, opened: list[Any]) -> Samples:
        labels = np.concatenate([np.asarray(getattr(dataset, self.targets), dtype=np.int64) for dataset in opened])
        rows = self.chosen(part, len(labels))
        return Samples(
            labels[rows],
            lambda size: stacked(self._images(part, rows), len(rows), size, "root"),
            lambda size: self._file_bytes(part, rows),
        )

    def _images(self, part: str, rows: np.ndarray) -> Iterator[tuple[str, Image]]:
        first = 0
        for which in self.parts[part]:  # opened anew, so that torchvision's pixels are not in memory beside ours
            images = self._open(which)
            for row in rows[(rows >= first) & (rows < first + len(images))] - first:
                yield f"{self.name}, {part} image {row}", images[int(row)][0]
            first += len(images)

    def _file_bytes(self, part: str, rows: np.ndarray) -> np.ndarray:
        """Return the size in bytes of each image, int64 [N]: raw pixels as published, 32 x 32 of three bytes."""
        return np.full(len(rows), 3 * 32 * 32)

    def _open(self, which: Mapping[str, Any]) -> Any:
        from torchvision import datasets

        try:
            return getattr(datasets, self.theirs)(self.root, **which, download=self.download)
        except Exception as error:  # urllib, archives, pickle and torchvision each raise their own
            if not self.download:
                problem = f"{self.name} is not in {self.root}, or is incomplete"
                raise UnfitError("root", None, problem, "the folder that has it, or download: true") from error
            reason = (str(error).splitlines() or [""])[0]
            problem = f"{self.name} could not be downloaded to {self.root} ({type(error).__name__}: {reason})"
            raise UnfitError("download", None, problem, "a network, or a root that has it already") from error
