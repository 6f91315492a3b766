"""Images in memory, normalised when they are looked up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from simulator.learning.data.inputs import Inputs
from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.data.shards")

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""The mean and the standard deviation of each channel, for values in [0, 1]."""


class Images(Inputs):
    """Images in memory; pixels are normalised when they are looked up.

    Args:
        pixels: uint8 [N, C, H, W]; in a dry run, an image on ``meta`` that stands for all.
        labels: int64 [N]; or a ``Pool``, and pixels that are made when they are looked up.
        statistics: the mean and standard deviation of each channel, by which pixels are normalised.
        dry: whether only shapes and labels matter; ``rows`` then returns tensors on ``meta``.
        size: the width and height of the images that are looked up, in pixels; None: as they are stored. Smaller images
            are enlarged bilinearly, batch by batch, so that 50,000 images of 32 x 32 take 154 MB whatever the model
            needs.
        file_bytes: returns the size in bytes of each image, encoded as it is stored on a device, int64 [N]; called at
            most once. None: the size of raw pixels.

    Attributes:
        pixels, statistics: as given.
        shape: the shape of an image that is looked up, (C, H, W).
    """

    dtype = torch.float32

    def __init__(
        self,
        pixels: Tensor,
        labels: Tensor,
        statistics: Statistics,
        dry: bool = False,
        size: int | None = None,
        file_bytes: Callable[[], np.ndarray] | None = None,
    ) -> None:
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in statistics)
        super().__init__(labels, dry, file_bytes or (lambda: np.full(len(labels), pixels.shape[1:].numel())))
        self.pixels, self.statistics = pixels, statistics
        self.shape = (pixels.shape[1], *((size, size) if size else pixels.shape[2:]))
        self._scale, self._shift = 1 / (255 * deviation), -mean / deviation

    def blank(self) -> Images:
        pixels = torch.empty((1, *self.shape), dtype=torch.uint8, device="meta")
        return Images(pixels, self.labels, self.statistics, dry=True, file_bytes=lambda: self.file_bytes.numpy())

    def to(self, device: torch.device) -> Images:
        self.pixels, self.labels = self.pixels.to(device), self.labels.to(device)
        self._scale, self._shift = self._scale.to(device), self._shift.to(device)
        return self

    def rows(self, index: Tensor) -> Tensor:
        """Look up images: normalised, float32 [len(index), *shape], for ``index`` int64."""
        if self.is_meta:
            return torch.empty((len(index), *self.shape), device="meta")
        images = self.pixels[index].float()
        if images.shape[1:] != self.shape:
            images = interpolate(images, size=self.shape[1:], mode="bilinear", align_corners=False)
        return images.mul_(self._scale).add_(self._shift)
