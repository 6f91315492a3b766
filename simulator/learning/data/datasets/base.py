"""The interface of a data set: labels are loaded at once, pixels or texts only when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from simulator.learning.data.datasets.texts import Task, Texts
from simulator.learning.data.pool import Pool
from simulator.settings.base import Settings
from simulator.settings.bounds import Count
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed


class Samples:
    """Images with labels, in a fixed order.

    Attributes:
        labels: int64 [N], each in 0 .. classes - 1; or a ``Pool``, which has as many samples as are needed. Of a pool,
            ``pixels`` returns something that makes images when it is indexed, and ``file_bytes`` one size for all.
        pixels: takes the wanted size in pixels, and returns uint8 [N, 3, H, W], which is cached for the last size.
            H = W = size, or less where all images are of one smaller size; those are enlarged when they are looked up.
        file_bytes: takes the same size, and returns the size in bytes of each image, encoded as it is stored on a
            device, int64 [N]. No image is decoded for it. The result depends on the wanted size only for images that
            have no size of their own.
    """

    kind: ClassVar[str] = "images"
    task: ClassVar[Task] = "classification"

    def __init__(
        self, labels: np.ndarray | Pool, pixels: Callable[[int], Any], file_bytes: Callable[[int], Any]
    ) -> None:
        self.labels: Any = labels if isinstance(labels, Pool) else np.asarray(labels, dtype=np.int64)
        self.pixels = lru_cache(maxsize=1)(pixels)
        self.file_bytes = lru_cache(maxsize=1)(file_bytes)

    def __len__(self) -> int:
        return len(self.labels)


class Raw(NamedTuple):
    """A data set that has been loaded.

    Attributes:
        train: the samples for training.
        test: the samples for the evaluation.
        names: the name of each class, by number.
    """

    train: Samples | Texts
    test: Samples | Texts
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What the samples are: "images" or "texts"."""
        return self.train.kind

    @property
    def task(self) -> Task:
        """What a model learns from the samples."""
        return self.train.task

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.names)

    def check(self) -> Raw:
        """Return this data set if it is sound.

        Raises:
            UnfitError: a part is empty, a label is not the number of a class, or a class is to be predicted of which
                there are test samples, but no training samples.
        """
        for part, samples in (("train", self.train), ("test", self.test)):
            if not len(samples):
                raise UnfitError("name", None, f"there are no {self.kind} to {part} with")
            labels = _occurring(samples)
            outside = labels[(labels < 0) | (labels >= self.classes)]
            if len(outside):
                one = {"images": "an image", "texts": "a text"}[self.kind]
                problem = f"{one} to {part} with has the label {outside[0]}, but there are {self.classes} classes"
                raise UnfitError("name", None, problem, f"labels 0 to {self.classes - 1}")
        unknown = np.setdiff1d(self.test.labels, _occurring(self.train))
        if len(unknown) and self.task == "classification":
            some = listed([f'"{self.names[label]}"' for label in unknown[:5]]) + (", ..." if len(unknown) > 5 else "")
            lacks = {"images": "training image shows", "texts": "training text is of"}[self.kind]
            problem = (
                f"{len(unknown)} of {self.classes} classes are tested, but no {lacks} them: {some}; "
                f"train with {self.kind} of every class (a limit that is not too small), or leave these out of the test"
            )
            raise UnfitError("name", None, problem)
        return self


def _occurring(samples: Samples | Texts) -> np.ndarray:
    """Return labels among which each occurs that there is."""
    labels: Any = samples.labels
    return np.arange(labels.classes) if isinstance(labels, Pool) else labels


class DataSet(Settings):
    """Images or texts with labels, split into training and test samples."""

    name: ClassVar[str]

    def load(self) -> Raw:
        """Load the labels, and prepare to load the rest; dry runs and partitions need the labels alone.

        Raises:
            UnfitError: the data do not exist, or cannot be read.
        """
        raise NotImplementedError


class Limited(DataSet):
    """A data set that can be limited to some of its samples, for a first try or to fit into memory.

    Attributes:
        limit, test_limit: how many samples to use for training and for testing, a fixed random choice; null: all.
    """

    limit: Count | None = None
    test_limit: Count | None = None

    def chosen(self, part: str, samples: int) -> np.ndarray:
        """Choose the samples of a part that are used.

        Args:
            part: ``train`` or ``test``.
            samples: how many samples the part has.

        Returns:
            Their indices, int64, ascending.
        """
        limit = self.limit if part == "train" else self.test_limit
        if limit is None or limit >= samples:
            return np.arange(samples)
        return np.sort(np.random.default_rng(0).permutation(samples)[:limit])
