"""Data sets a scenario can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from simulator.settings import Settings

if TYPE_CHECKING:
    import torch


class Raw(NamedTuple):
    """Pixels uint8 [N, 3, size, size] and labels int64 [N], for training and for testing."""

    train: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    classes: int


class DataSet(Settings):
    """Images with labels, split into what is trained with and what is tested with."""

    name: ClassVar[str]

    def load(self, size: int) -> Raw:
        """All images, at ``size`` x ``size`` pixels."""
        raise NotImplementedError


class Digits(DataSet):
    """scikit-learn's 1,797 handwritten digits (8 x 8 grey), 1,400 to train and 397 to test: one fixed split.

    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """

    name: ClassVar[str] = "digits"

    def load(self, size: int) -> Raw:
        import torch
        from sklearn.datasets import load_digits
        from torch.nn.functional import interpolate

        digits = load_digits()
        grey = torch.from_numpy(digits.images).float()[:, None] / 16
        grey = interpolate(grey, size=(size, size), mode="bilinear", align_corners=False)
        pixels = grey.mul(255).round().to(torch.uint8).expand(-1, 3, -1, -1).contiguous()
        labels = torch.from_numpy(digits.target).long()
        order = torch.from_numpy(np.random.default_rng(0).permutation(len(labels)))
        train, test = order[:1400], order[1400:]
        return Raw((pixels[train], labels[train]), (pixels[test], labels[test]), classes=10)
