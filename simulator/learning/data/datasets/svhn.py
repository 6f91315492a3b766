"""Street View House Numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    pass
from simulator.learning.data.datasets.published import Parts, Published


class Svhn(Published):
    """Street View House Numbers: 73,257 cropped digits for training and 26,032 for testing, 32 x 32, 10 classes.

    Y. Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011.
    """

    name: ClassVar[str] = "svhn"
    theirs: ClassVar[str] = "SVHN"
    parts: ClassVar[Parts] = {"train": ({"split": "train"},), "test": ({"split": "test"},)}
    targets: ClassVar[str] = "labels"
    classes: ClassVar[int] = 10
