"""Oxford Flowers-102."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from simulator.learning.data.datasets.pixels import file_bytes

if TYPE_CHECKING:
    pass
from simulator.learning.data.datasets.published import Parts, Published


class Flowers102(Published):
    """Oxford Flowers-102: 2,040 photos for training (the published train and validation parts), 6,149 for testing.

    M.-E. Nilsback and A. Zisserman, Automated Flower Classification over a Large Number of Classes, 2008.
    """

    name: ClassVar[str] = "flowers102"
    theirs: ClassVar[str] = "Flowers102"
    parts: ClassVar[Parts] = {"train": ({"split": "train"}, {"split": "val"}), "test": ({"split": "test"},)}
    targets: ClassVar[str] = "_labels"
    classes: ClassVar[int] = 102

    def _file_bytes(self, part: str, rows: np.ndarray) -> np.ndarray:
        """Return the size in bytes of the published files, int64 [N]."""
        files = [file for which in self.parts[part] for file in self._open(which)._image_files]
        return file_bytes(((str(files[row]), files[row]) for row in rows), "root")
