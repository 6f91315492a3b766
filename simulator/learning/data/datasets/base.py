"""The contract of a data set: its labels at once, its pixels when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed


class Samples:
    """Images with labels, in a fixed order.

    Attributes:
        labels: int64 [N], each in 0 .. classes - 1.
        pixels: from a size in pixels to uint8 [N, 3, H, W], kept for the size last asked for. H = W = size; or less,
            where all images are of one smaller size: those are enlarged when they are looked up.
        file_bytes: from the same size to the bytes of each image as it lies on a device, encoded: int64 [N]. No image
            is decoded for it, and only what has no size of its own depends on the size asked for.
    """

    def __init__(
        self, labels: np.ndarray, pixels: Callable[[int], np.ndarray], file_bytes: Callable[[int], np.ndarray]
    ) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.pixels = lru_cache(maxsize=1)(pixels)
        self.file_bytes = lru_cache(maxsize=1)(file_bytes)

    def __len__(self) -> int:
        return len(self.labels)


class Raw(NamedTuple):
    """A data set: what is trained with, what is tested with, and what its classes are called, by number."""

    train: Samples
    test: Samples
    names: tuple[str, ...]

    @property
    def classes(self) -> int:
        return len(self.names)

    def check(self) -> Raw:
        """The same.

        Raises:
            UnfitError: a part is empty, a label is no class, or images of some class are tested but never trained with.
        """
        for part, samples in (("train", self.train), ("test", self.test)):
            if not len(samples):
                raise UnfitError("name", None, f"there are no images to {part} with")
            outside = samples.labels[(samples.labels < 0) | (samples.labels >= self.classes)]
            if len(outside):
                problem = f"an image to {part} with has the label {outside[0]}, but there are {self.classes} classes"
                raise UnfitError("name", None, problem, f"labels 0 to {self.classes - 1}")
        unknown = np.setdiff1d(self.test.labels, self.train.labels)
        if len(unknown):
            some = listed([f'"{self.names[label]}"' for label in unknown[:5]]) + (", ..." if len(unknown) > 5 else "")
            problem = (
                f"{len(unknown)} of {self.classes} classes are tested, but no training image shows them: {some}; "
                "train with images of every class (a limit that is not too small), or leave these out of the test"
            )
            raise UnfitError("name", None, problem)
        return self


class DataSet(Settings):
    """Images with labels, split into what is trained with and what is tested with."""

    name: ClassVar[str]

    def load(self) -> Raw:
        """The data set; as cheap as its labels are, for a dry run or a partition asks for no pixel.

        Raises:
            UnfitError: there is no such data, or they cannot be read.
        """
        raise NotImplementedError


class Limited(DataSet):
    """A data set of which a part may be used: for a first try, or to fit into memory.

    Attributes:
        limit, test_limit: use so many images, a fixed random choice, to train and to test with; null: all.
    """

    limit: Annotated[int, Field(ge=1)] | None = None
    test_limit: Annotated[int, Field(ge=1)] | None = None

    def chosen(self, part: str, samples: int) -> np.ndarray:
        """The indices in use of so many samples of a part ("train" or "test"), ascending."""
        limit = self.limit if part == "train" else self.test_limit
        if limit is None or limit >= samples:
            return np.arange(samples)
        return np.sort(np.random.default_rng(0).permutation(samples)[:limit])
