"""Synthetic images, which need no file."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Strict, model_validator

from simulator.learning.data.datasets.base import DataSet, Raw, Samples
from simulator.learning.data.datasets.pixels import stacked
from simulator.settings.bounds import ClassCount, ImageSize, SampleCount

PATCHES = 4
"""The pattern of a class has this many coloured patches in each row and column."""
NOISE = 96
"""The noise of each value is drawn from 0 .. NOISE - 1; the pattern takes the rest of the range 0 .. 255."""


class Synthetic(DataSet):
    """A coloured pattern for each class, with noise: for dry runs, plans and tests. The same on every machine.

    Where images are sent, each counts as its pixels: channels x height x width bytes.

    Attributes:
        samples, test_samples: how many images there are for training and for testing; the numbers of images of two
            classes differ by one at most.
        classes: how many classes there are.
        shape: channels, height and width in pixels; null: as the model needs them.
    """

    name: ClassVar[str] = "synthetic"
    samples: SampleCount = 1000
    test_samples: SampleCount = 200
    classes: ClassCount = 10
    shape: Annotated[tuple[Literal[3], ImageSize, ImageSize], Strict(False)] | None = None

    @model_validator(mode="after")
    def _every_class_occurs(self) -> Self:
        if self.samples < self.classes:
            raise ValueError(f"{self.samples} samples do not show all of {self.classes} classes: use more samples")
        return self

    def load(self) -> Raw:
        names = tuple(str(label) for label in range(self.classes))
        return Raw(self._drawn("train", self.samples), self._drawn("test", self.test_samples), names)

    def _drawn(self, part: str, count: int) -> Samples:
        stream = 1 if part == "train" else 2
        labels = np.random.default_rng(stream).permutation(count) % self.classes

        def sides(size: int) -> tuple[int, int]:
            return self.shape[1:] if self.shape else (size, size)

        def pixels(size: int) -> np.ndarray:
            height, width = sides(size)
            images = self._images(labels, height, width, np.random.default_rng(stream + 2))
            return images if (height, width) == (size, size) else _scaled(images, size)

        return Samples(labels, pixels, lambda size: np.full(count, 3 * math.prod(sides(size))))

    def _images(self, labels: np.ndarray, height: int, width: int, noise: np.random.Generator) -> np.ndarray:
        patterns = np.random.default_rng(0).integers(256 - NOISE, size=(self.classes, 3, PATCHES, PATCHES))
        rows, columns = (np.arange(side) * PATCHES // side for side in (height, width))
        enlarged = patterns[:, :, rows[:, None], columns].astype(np.uint8)
        images = np.empty((len(labels), 3, height, width), np.uint8)
        for row, label in enumerate(labels):
            images[row] = enlarged[label] + noise.integers(NOISE, size=(3, height, width), dtype=np.uint8)
        return images


def _scaled(images: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    named = ((f"image {row}", Image.fromarray(image.transpose(1, 2, 0).copy())) for row, image in enumerate(images))
    return stacked(named, len(images), size, "shape")
