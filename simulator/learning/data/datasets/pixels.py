"""Decoding of images of any kind into pixels: uint8, three channels, all of one size."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.settings.files import IrregularFileError, open_regular
from simulator.settings.memory import available_memory
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from PIL.Image import Image

ABSENT = "there is no such image"
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The formats of images that are read. Pillow knows more, some of which are programs (EPS) or rarely tested."""


def stacked(images: Iterable[tuple[str, bytes | Path | Image]], count: int, size: int, key: str) -> np.ndarray:
    """Decode images into one array.

    Args:
        images: the images, each with its place (a file or a row), for messages.
        count: how many images there are.
        size: the images are scaled to ``size`` x ``size`` pixels, whatever their shape. Scaling is bilinear, and where
            it reduces an image, over all pixels that are merged. Images that are all of one smaller size stay as they
            are.
        key: the setting that names the images, for messages.

    Returns:
        The pixels, uint8 [count, 3, H, W] with H, W <= size.

    Raises:
        UnfitError: an image cannot be read, and the message says which one; or all together do not fit into memory.
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


def _room(count: int, shape: tuple[int, int], key: str) -> np.ndarray:
    """Return an empty array for the images, if there is memory for it; otherwise the system might kill the run later.

    Args:
        count: how many images there are.
        shape: their width and height in pixels.
        key: the setting that names them, for messages.
    """
    from simulator.settings.humanize import human

    width, height = shape
    needed, free = 3 * count * width * height, available_memory()
    if needed > free:
        problem = (
            f"{count:,} images of {width} x {height} pixels need {human('bytes', needed)} of memory, "
            f"and {human('bytes', free)} are free"
        )
        raise UnfitError(key, None, problem, "fewer images (limit, test_limit), or a smaller model.image_size")
    return np.empty((count, 3, height, width), np.uint8)


def file_bytes(images: Iterable[tuple[str, bytes | Path]], key: str) -> np.ndarray:
    """Return the sizes of encoded images in bytes, int64 [N], without decoding any.

    Args:
        images: the images, each with its place, for messages.
        key: the setting that names the images, for messages.

    Raises:
        UnfitError: a file does not exist; the message says which one.
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
    """Convert an image to red, green and blue with 8 bits each.

    Grey is copied to all three channels, and 16 bits are scaled down to 8. Transparent pixels are blended with white.
    Palettes and other colour spaces (CMYK, YCbCr, Lab) are converted.

    Raises:
        ValueError: the values have no known range (32-bit floats).
    """
    from PIL import Image as Images

    if image.mode.startswith("I"):  # 16 bits, which some versions of Pillow read as mode "I"
        values = np.asarray(image).clip(0, 65535)
        return Images.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are 32-bit floats, whose range is not known: store 8 or 16 bits")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        image = Images.alpha_composite(Images.new("RGBA", shown.size, "white"), shown)
    return image if image.mode == "RGB" else image.convert("RGB")


def _read(where: str, encoded: bytes | Path | Image, key: str) -> Image:
    """Decode one image; an error names its place."""
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    try:
        if isinstance(encoded, Images.Image):
            return three_channels(encoded)
        with _opened(encoded) as file, warnings.catch_warnings():
            # Between Pillow's two limits an image is large, but no attack; above the second one it raises an error.
            warnings.simplefilter("ignore", Images.DecompressionBombWarning)
            with Images.open(file, formats=FORMATS) as image:
                image.load()
                return three_channels(image)
    except FileNotFoundError:
        problem = ABSENT
    except UnidentifiedImageError:
        problem = f"it is not an image that can be read ({listed(FORMATS)})"
    except IrregularFileError:
        problem = "it is not a file"
    except Images.DecompressionBombError:
        problem = "it has so many pixels that it may be made to fill the memory: scale it down"
    except Exception as error:  # a decoder can raise anything on a broken file
        problem = f"the image cannot be read: {error}"
    raise UnfitError(key, None, f"{where}: {problem}")


def _opened(encoded: bytes | Path) -> BinaryIO:
    """Open an encoded image to read it."""
    return io.BytesIO(encoded) if isinstance(encoded, bytes) else open_regular(encoded)


def _fitted(image: Image, shape: tuple[int, int]) -> np.ndarray:
    """Scale an image to a width and a height, and return its pixels, uint8 [3, H, W]."""
    from PIL.Image import Resampling

    if image.size != shape:
        image = image.resize(shape, Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _image(pixels: np.ndarray) -> Image:
    """Return pixels [3, H, W] as an image."""
    from PIL import Image as Images

    return Images.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
