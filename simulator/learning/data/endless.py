"""Images that are made when they are looked up, and not held."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class Endless:
    """The images of an inexhaustible pool, in the place of a tensor of pixels.

    Args:
        make: returns the image with a number, uint8 [1, 3, H, W]: always the same.

    Attributes:
        shape: that of a batch of one image, [1, 3, H, W].
    """

    def __init__(self, make: Callable[[int], np.ndarray]) -> None:
        self._make = make
        self.shape = torch.Size(make(0).shape)

    def __getitem__(self, index: Tensor) -> Tensor:
        """Return some images, uint8 [len(index), 3, H, W], on the torch device of ``index``."""
        made = [self._make(number) for number in index.tolist()]
        empty = np.empty((0, *self.shape[1:]), np.uint8)
        return torch.from_numpy(np.concatenate([empty, *made])).to(index.device)

    def to(self, device: torch.device) -> Endless:
        """Return the same images: they are made on the processor, and moved to where their numbers are."""
        return self
