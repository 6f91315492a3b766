"""Data sets that torchvision knows how to download."""

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


class Published(Limited):
    """A data set of torchvision's.

    Attributes:
        root: the folder it lies in, in torchvision's own layout; from the scenario's folder.
        download: whether to fetch it there if it is not there yet.
    """

    root: LocalPath
    download: bool = False

    theirs: ClassVar[str]
    """The name of torchvision's class."""
    parts: ClassVar[Parts] = {"train": ({"train": True},), "test": ({"train": False},)}
    """The arguments of that class that give each part; several are joined."""
    targets: ClassVar[str] = "targets"
    """The attribute with the labels."""
    classes: ClassVar[int]

    def load(self) -> Raw:
        opened = {part: [self._open(which) for which in self.parts[part]] for part in self.parts}
        names = getattr(opened["train"][0], "classes", None) or range(self.classes)
        return Raw(
            self._samples("train", opened["train"]),
            self._samples("test", opened["test"]),
            tuple(str(name) for name in names),
        )

    def _samples(self, part: str, opened: list[Any]) -> Samples:
        labels = np.concatenate([np.asarray(getattr(each, self.targets), dtype=np.int64) for each in opened])
        rows = self.chosen(part, len(labels))
        return Samples(
            labels[rows],
            lambda size: stacked(self._images(part, rows), len(rows), size, "root"),
            lambda size: self._file_bytes(part, rows),
        )

    def _images(self, part: str, rows: np.ndarray) -> Iterator[tuple[str, Image]]:
        first = 0
        for which in self.parts[part]:  # opened anew: what torchvision reads is not held beside our pixels
            images = self._open(which)
            for row in rows[(rows >= first) & (rows < first + len(images))] - first:
                yield f"{self.name}, {part} image {row}", images[int(row)][0]
            first += len(images)

    def _file_bytes(self, part: str, rows: np.ndarray) -> np.ndarray:
        """As published: raw pixels, 32 x 32 of three bytes."""
        return np.full(len(rows), 3 * 32 * 32)

    def _open(self, which: Mapping[str, Any]) -> Any:
        from torchvision import datasets

        try:
            return getattr(datasets, self.theirs)(self.root, **which, download=self.download)
        except Exception as error:  # of urllib, of archives, of pickles, and torchvision's own
            if not self.download:
                problem = f"{self.name} is not in {self.root}, or not whole"
                raise UnfitError("root", None, problem, "the folder that has it, or download: true") from error
            reason = (str(error).splitlines() or [""])[0]
            problem = f"{self.name} could not be downloaded to {self.root} ({type(error).__name__}: {reason})"
            raise UnfitError("download", None, problem, "a network, or a root that has it already") from error
