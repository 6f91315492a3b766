"""Encoded images of any kind to pixels: uint8, three channels, of one size."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from PIL.Image import Image

ABSENT = "there is no such image"
MEMINFO = Path("/proc/meminfo")
"""Where Linux says how much memory there is."""


def stacked(images: Iterable[tuple[str, bytes | Path | Image]], count: int, size: int, key: str) -> np.ndarray:
    """Decode images once.

    Args:
        images: ``count`` of them, each with where it stands, for messages.
        size: images are scaled to ``size`` x ``size`` pixels, whatever their shape: bilinear, and where they shrink
            over all pixels that fall together. Images that are all of one smaller size are kept as they are.
        key: the setting that names them.

    Returns:
        uint8 [count, 3, H, W] with H, W <= size.

    Raises:
        UnfitError: an image cannot be read, and the message says which; or all together do not fit into memory.
    """
    stack, shape = np.empty((0, 3, 0, 0), np.uint8), (0, 0)
    for row, (where, encoded) in enumerate(images):
        image = _read(where, encoded, key)
        if row == 0:
            shape = image.size if max(image.size) <= size else (size, size)
            stack = _room(count, shape, key)
        elif image.size != shape and shape != (size, size):
            shape, smaller = (size, size), stack[:row]
            stack = _room(count, shape, key)
            for earlier, pixels in enumerate(smaller):
                stack[earlier] = _fitted(_image(pixels), shape)
        stack[row] = _fitted(image, shape)
    return stack


def available_memory() -> int | None:
    """Bytes that the machine can give without swapping; None where it does not say (not Linux)."""
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB$", MEMINFO.read_text("ascii"), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


def _room(count: int, shape: tuple[int, int], key: str) -> np.ndarray:
    """For so many images of this width and height; refused before it is used, for the system would kill the run."""
    from simulator.settings.humanize import human

    width, height = shape
    needed, there = 3 * count * width * height, available_memory()
    if there is not None and needed > there:
        problem = (
            f"{count:,} images of {width} x {height} pixels need {human('bytes', needed)} of memory, "
            f"and {human('bytes', there)} are free"
        )
        raise UnfitError(key, None, problem, "fewer images (limit, test_limit), or a smaller model.image_size")
    return np.empty((count, 3, height, width), np.uint8)


def file_bytes(images: Iterable[tuple[str, bytes | Path]], key: str) -> np.ndarray:
    """How large encoded images are: int64, in bytes; none is decoded.

    Raises:
        UnfitError: a file is not there; the message says which.
    """

    def size(where: str, encoded: bytes | Path) -> int:
        if isinstance(encoded, bytes):
            return len(encoded)
        try:
            return encoded.stat().st_size
        except OSError:
            raise UnfitError(key, None, f"{where}: {ABSENT}") from None

    return np.fromiter((size(*image) for image in images), np.int64)


def three_channels(image: Image) -> Image:
    """Red, green and blue of 8 bits each.

    Grey is copied to all three; 16 bits are scaled down to 8; what is transparent shows white behind it; palettes and
    other colour spaces (CMYK, YCbCr, Lab) are converted.

    Raises:
        ValueError: its values have no known range (32-bit floats).
    """
    from PIL import Image as Images

    if image.mode.startswith("I"):  # 16 bits; "I" is how some versions of Pillow read them
        values = np.asarray(image).clip(0, 65535)
        return Images.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are 32-bit floats, whose range is not known: store 8 or 16 bits")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        image = Images.alpha_composite(Images.new("RGBA", shown.size, "white"), shown)
    return image if image.mode == "RGB" else image.convert("RGB")


def _read(where: str, encoded: bytes | Path | Image, key: str) -> Image:
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    try:
        if isinstance(encoded, Images.Image):
            return three_channels(encoded)
        with Images.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded) as image:
            image.load()
            return three_channels(image)
    except FileNotFoundError:
        problem = ABSENT
    except UnidentifiedImageError:
        problem = "it is no image that Pillow can read"
    except Exception as error:  # decoders of broken files raise what they please
        problem = f"the image cannot be read: {error}"
    raise UnfitError(key, None, f"{where}: {problem}")


def _fitted(image: Image, shape: tuple[int, int]) -> np.ndarray:
    from PIL.Image import Resampling

    if image.size != shape:
        image = image.resize(shape, Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _image(pixels: np.ndarray) -> Image:
    from PIL import Image as Images

    return Images.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
