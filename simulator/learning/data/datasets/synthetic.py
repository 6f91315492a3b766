"""Synthetic images, which need no file."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Discriminator, Strict, Tag, TypeAdapter, WithJsonSchema, model_validator

from simulator.learning.data.datasets.base import DataSet, Raw, Samples
from simulator.learning.data.datasets.pixels import stacked
from simulator.learning.data.pool import Pool
from simulator.settings.base import CASE
from simulator.settings.bounds import ClassCount, ImageSize, SampleCount

PATCHES = 4
"""The pattern of a class has this many coloured patches in each row and column."""
NOISE = 96
"""The noise of each value is drawn from 0 .. NOISE - 1; the pattern takes the rest of the range 0 .. 255."""
AUTO = "auto"
"""As many samples as are needed."""
SampleCountOrAuto = Annotated[
    Annotated[SampleCount, Tag(CASE + "count")] | Annotated[Literal["auto"], Tag(CASE + "auto")],
    Discriminator(lambda given: CASE + ("auto" if isinstance(given, str) else "count")),
    WithJsonSchema({"anyOf": [TypeAdapter(SampleCount).json_schema(), {"const": AUTO}]}),
]


class Synthetic(DataSet):
    """A coloured pattern for each class, with noise: for dry runs, plans and tests. The same on every machine.

    The numbers of images of two classes differ by one at most. Where images are sent, each counts as its pixels:
    channels x height x width bytes.

    Attributes:
        samples: how many images there are for training. ``auto``: as many as the devices need, by the samples in their
            populations or by the partition ``sizes``; none of them is held, and their classes are drawn.
        test_samples: how many images there are for testing.
        classes: how many classes there are.
        shape: channels, height and width in pixels; null: as the model needs them.
    """

    name: ClassVar[str] = "synthetic"
    samples: SampleCountOrAuto = 1000
    test_samples: SampleCount = 200
    classes: ClassCount = 10
    shape: Annotated[tuple[Literal[3], ImageSize, ImageSize], Strict(False)] | None = None

    @model_validator(mode="after")
    def _every_class_occurs(self) -> Self:
        if isinstance(self.samples, int) and self.samples < self.classes:
            raise ValueError(f"{self.samples} samples do not show all of {self.classes} classes: use more samples")
        return self

    def load(self) -> Raw:
        names = tuple(str(label) for label in range(self.classes))
        train = self._drawn("train", self.samples) if isinstance(self.samples, int) else self._endless()
        return Raw(train, self._drawn("test", self.test_samples), names)

    def _endless(self) -> Samples:
        def pixels(size: int) -> Any:
            from simulator.learning.data.endless import Endless  # late, for it loads torch

            return Endless(lambda number: self.images(np.array([number % self.classes]), size, _noise_of(number)))

        return Samples(Pool(self.classes), pixels, self._bytes)

    def images(self, labels: np.ndarray, size: int, noise: np.random.Generator) -> np.ndarray:
        """Return an image of each class in ``labels``: uint8 [N, 3, H, W], as ``Samples.pixels`` has them.

        Args:
            labels: int64 [N].
            size: the wanted height and width in pixels.
            noise: draws the noise.
        """
        height, width = self.shape[1:] if self.shape else (size, size)
        images = self._images(labels, height, width, noise)
        return images if (height, width) == (size, size) else _scaled(images, size)

    def _drawn(self, part: str, count: int) -> Samples:
        stream = 1 if part == "train" else 2
        labels = np.random.default_rng(stream).permutation(count) % self.classes

        def pixels(size: int) -> np.ndarray:
            return self.images(labels, size, np.random.default_rng(stream + 2))

        return Samples(labels, pixels, lambda size: np.full(count, self._bytes(size)))

    def _bytes(self, size: int) -> int:
        """Return the size in bytes of an image as it is stored on a device."""
        return 3 * math.prod(self.shape[1:] if self.shape else (size, size))

    def _images(self, labels: np.ndarray, height: int, width: int, noise: np.random.Generator) -> np.ndarray:
        patterns = _patterns(self.classes)
        rows, columns = (np.arange(side) * PATCHES // side for side in (height, width))
        enlarged = patterns[:, :, rows[:, None], columns].astype(np.uint8)
        images = np.empty((len(labels), 3, height, width), np.uint8)
        for row, label in enumerate(labels):
            images[row] = enlarged[label] + noise.integers(NOISE, size=(3, height, width), dtype=np.uint8)
        return images


def _noise_of(number: int) -> np.random.Generator:
    return np.random.default_rng([3, number])


@lru_cache(maxsize=2)
def _patterns(classes: int) -> np.ndarray:
    """Return the pattern of each class, [classes, 3, PATCHES, PATCHES]."""
    return np.random.default_rng(0).integers(256 - NOISE, size=(classes, 3, PATCHES, PATCHES))


def _scaled(images: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    named = ((f"image {row}", Image.fromarray(image.transpose(1, 2, 0).copy())) for row, image in enumerate(images))
    return stacked(named, len(images), size, "shape")
