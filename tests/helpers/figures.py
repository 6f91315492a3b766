"""Checks of saved figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread


def is_drawn(path: Path) -> bool:
    """Return whether a PNG file shows something: its pixels are not all the same."""
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = imread(path)
    return float(np.ptp(pixels[..., :3])) > 0.3
