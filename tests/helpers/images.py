"""Image files and Parquet files of images, made up for tests."""

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
    """Return a PNG of one colour, by its index in `COLOURS`."""
    return encoded(Image.new("RGB", size, COLOURS[colour]))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """Return an image as the bytes of a file."""
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
    """Write a Parquet file as Hugging Face does, and return its path.

    Args:
        path: the file to write.
        labels: the labels.
        images: the images, as dictionaries; by default image i has colour i, modulo five.
        names: the names of the columns of images and labels.
        kind: the Arrow type of the images.
        metadata: the metadata of the schema.
    """
    count = len(labels)
    if images is None:
        images = [{"bytes": png(row % 5), "path": f"{row}.png"} for row in range(count)]
    table = pa.table({names[0]: pa.array(images, type=kind), names[1]: labels})
    parquet.write_table(table.replace_schema_metadata(metadata), path, row_group_size=3)
    return str(path)


def colours(pixels: np.ndarray) -> list[int]:
    """Return the index of the colour of each image, all of whose pixels must be equal."""
    assert (pixels == pixels[:, :, :1, :1]).all()
    return [COLOURS.index(tuple(map(int, image[:, 0, 0]))) for image in pixels]


def refused(error: Any) -> str:
    """Return the key, the problem and what is allowed, from an ``UnfitError`` that pytest caught."""
    return f"{error.value.key}: {error.value.problem} ({error.value.allowed})"
