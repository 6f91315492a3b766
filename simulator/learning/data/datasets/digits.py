"""Handwritten digits, a data set that needs no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from simulator.learning.data.datasets.base import DataSet, Raw, Samples


class Digits(DataSet):
    """scikit-learn's 1,797 handwritten digits (8 x 8 grey), 1,400 for training and 397 for testing in a fixed split.

    Where images are sent, each counts as 64 bytes, one for each grey value.

    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """

    name: ClassVar[str] = "digits"

    def load(self) -> Raw:
        images, labels = _read()
        order = np.random.default_rng(0).permutation(len(labels))

        def samples(rows: np.ndarray) -> Samples:
            return Samples(
                labels[rows],
                lambda size: _enlarged(images[rows], size),
                lambda size: np.full(len(rows), images[0].size),
            )

        return Raw(samples(order[:1400]), samples(order[1400:]), tuple("0123456789"))


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Return the grey values, 0 .. 16, [N, 8, 8], and the labels, [N].

    They are read from the file within scikit-learn where it is: to import scikit-learn takes longer than a dry run.
    """
    if (package := find_spec("sklearn")) and package.origin:
        file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            rows = np.loadtxt(file, delimiter=",")
            return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(int)
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _enlarged(images: np.ndarray, size: int) -> np.ndarray:
    """Enlarge images bilinearly, from grey values 0 .. 16, [N, 8, 8], to uint8 [N, 3, size, size]."""
    import torch
    from torch.nn.functional import interpolate

    grey = torch.from_numpy(images).float()[:, None] / 16
    grey = interpolate(grey, size=(size, size), mode="bilinear", align_corners=False)
    return grey.mul(255).round().to(torch.uint8).expand(-1, 3, -1, -1).contiguous().numpy()
