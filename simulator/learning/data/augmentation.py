"""Random augmentation of training images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.settings.base import Settings
from simulator.settings.bounds import Crop

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Augmentation(Settings):
    """Random augmentation of each image, drawn anew each time that a batch is used for training.

    Like the decoding and normalising of images, it takes no simulated time. (Crop and flip as for CIFAR in He et al.,
    2016, section 4.2, with the border reflected instead of black.)

    Attributes:
        crop: the pixels by which an image is padded on each side, by reflection, before the original size is cropped at
            a random position.
        flip: whether images are mirrored left to right with a probability of one half.
    """

    crop: Crop = 0
    flip: bool = False

    def apply(self, images: Tensor, random: np.random.Generator) -> Tensor:
        """Return augmented copies of images [N, C, H, W], each drawn separately; ``crop`` is less than H and W."""
        import torch

        samples, channels, height, width = images.shape
        shifts = torch.from_numpy(random.integers(-self.crop, self.crop + 1, size=(2, samples, 1)))
        rows = _reflected(torch.arange(height) + shifts[0], height)
        columns = _reflected(torch.arange(width) + shifts[1], width)
        if self.flip:
            mirrored = torch.from_numpy(random.random(samples) < 0.5)
            columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        sample, channel, row, column = (
            torch.arange(samples)[:, None, None, None],
            torch.arange(channels)[:, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        )
        device = images.device
        return images[sample.to(device), channel.to(device), row.to(device), column.to(device)]


def _reflected(index: Tensor, side: int) -> Tensor:
    """Map positions outside of 0 .. side - 1 back inside, by reflection at the outermost pixels."""
    return (side - 1) - ((side - 1) - index.abs()).abs()
