"""CIFAR-100."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    pass
from simulator.learning.data.datasets.published import Published


class Cifar100(Published):
    """CIFAR-100: 50,000 photos for training and 10,000 for testing, 32 x 32 pixels, 100 classes (Krizhevsky, 2009)."""

    name: ClassVar[str] = "cifar100"
    theirs: ClassVar[str] = "CIFAR100"
    classes: ClassVar[int] = 100
