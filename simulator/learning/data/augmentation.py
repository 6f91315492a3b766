"""Images changed at random while they are trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import NonNegativeInt

from simulator.settings.base import Settings

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Augmentation(Settings):
    """What is done to each image anew whenever a batch is trained with.

    Like the decoding and normalising of images it takes no simulated time. (Crop and flip as for CIFAR in He et al.,
    2016, section 4.2, with the border reflected instead of black.)

    Attributes:
        crop: pixels by which the border is reflected outwards, before the old size is cut out at a random place.
        flip: whether half of the images, at random, are mirrored left to right.
    """

    crop: NonNegativeInt = 0
    flip: bool = False

    def apply(self, images: Tensor, random: np.random.Generator) -> Tensor:
        """Changed copies of images [N, C, H, W], each in its own way; ``crop`` is less than H and W."""
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
    """Where -1, -2, ... and side, side + 1, ... lie, if the image is mirrored at its outermost pixels."""
    return (side - 1) - ((side - 1) - index.abs()).abs()
