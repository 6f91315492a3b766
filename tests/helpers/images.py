"""Image files and Parquet files made up for tests."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]


def png(colour: int = 0, size: tuple[int, int] = (8, 8)) -> bytes:
    """A PNG of one colour."""
    return encoded(Image.new("RGB", size, COLOURS[colour]))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def write(
    path: Path,
    labels: Any,
    images: Sequence[Any] | None = None,
    *,
    names: tuple[str, str] = ("img", "label"),
    kind: pa.DataType | None = None,
    metadata: dict[str, str] | None = None,
) -> str:
    """A Parquet file as Hugging Face writes them; image i shows colour i, modulo five."""
    count = len(labels)
    if images is None:
        images = [{"bytes": png(row % 5), "path": f"{row}.png"} for row in range(count)]
    table = pa.table({names[0]: pa.array(images, type=kind), names[1]: labels})
    parquet.write_table(table.replace_schema_metadata(metadata), path, row_group_size=3)
    return str(path)


def colours(pixels: np.ndarray) -> list[int]:
    """Which of the colours each image has, all over."""
    assert (pixels == pixels[:, :, :1, :1]).all()
    return [COLOURS.index(tuple(map(int, image[:, 0, 0]))) for image in pixels]


def refused(error: Any) -> str:
    """What a ``UnfitError`` that pytest caught says."""
    return f"{error.value.key}: {error.value.problem} ({error.value.allowed})"
