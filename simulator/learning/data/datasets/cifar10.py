"""CIFAR-10."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    pass
from simulator.learning.data.datasets.published import Published


class Cifar10(Published):
    """CIFAR-10: 50,000 photos for training and 10,000 for testing, 32 x 32 pixels, 10 classes.

    A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    name: ClassVar[str] = "cifar10"
    theirs: ClassVar[str] = "CIFAR10"
    classes: ClassVar[int] = 10
