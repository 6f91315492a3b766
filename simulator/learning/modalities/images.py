"""Images."""

from __future__ import annotations

from typing import ClassVar

import torch

from simulator.learning.data.datasets.base import Samples
from simulator.learning.data.images import Images, Statistics
from simulator.learning.data.pool import Pool
from simulator.learning.modalities.base import Modality


class ImageModality(Modality):
    """Images of one size, normalised as the model expects.

    Args:
        statistics: the mean and standard deviation of each channel, by which images are normalised.
        size: their height and width in pixels.
    """

    kind: ClassVar[str] = "images"

    def __init__(self, statistics: Statistics, size: int) -> None:
        self.statistics, self.shape, self.sample_bytes = statistics, (3, size, size), 3 * size * size

    def inputs(self, samples: Samples, dry: bool) -> Images:
        size, pooled = self.shape[-1], isinstance(samples.labels, Pool)
        labels = samples.labels if pooled else torch.from_numpy(samples.labels)
        if dry:
            pixels = torch.empty((1, *self.shape), dtype=torch.uint8, device="meta")
            return Images(pixels, labels, self.statistics, dry=True, file_bytes=lambda: samples.file_bytes(size))
        pixels = samples.pixels(size) if pooled else torch.from_numpy(samples.pixels(size))
        return Images(pixels, labels, self.statistics, size=size, file_bytes=lambda: samples.file_bytes(size))

    def random(self, samples: int, outputs: tuple[int, ...]) -> Images:
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (samples, *self.shape), generator=generator, dtype=torch.uint8)
        labels = torch.randint(0, outputs[-1], (samples,), generator=generator)
        return Images(pixels, labels, self.statistics)
