"""Encoded images of every kind become the same three channels of 8 bits; what is none is refused."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulator.learning.data.datasets import pixels
from simulator.learning.data.datasets.pixels import stacked, three_channels
from simulator.settings.errors import UnfitError
from simulator.settings.memory import UNKNOWN
from tests.helpers.images import colours, encoded, png, refused

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
RGB = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def decoded(image: Image.Image, kind: str = "PNG") -> np.ndarray:
    """[8, 8, 3], by way of a file."""
    file = io.BytesIO()
    image.save(file, kind)
    return stacked([("here", file.getvalue())], 1, 8, "train")[0].transpose(1, 2, 0)


def test_colours_stay_as_they_are() -> None:
    assert (decoded(Image.fromarray(RGB)) == RGB).all()
    assert (decoded(Image.fromarray(RGB).convert("RGBA")) == RGB).all()


def test_grey_is_copied() -> None:
    assert (decoded(Image.fromarray(GREY)) == GREY[:, :, None]).all()
    assert (decoded(Image.fromarray(GREY).convert("LA")) == GREY[:, :, None]).all()
    assert set(np.unique(decoded(Image.fromarray(GREY).convert("1")))) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_cut_off(kind: str) -> None:
    deep = GREY.astype(np.uint16) * 257
    assert (decoded(Image.fromarray(deep), kind) == GREY[:, :, None]).all()
    assert (decoded(Image.fromarray(np.full((8, 8), 65535, np.uint16)), kind) == 255).all()


def test_other_colour_spaces() -> None:
    image = Image.fromarray(RGB)
    assert (decoded(image.convert("CMYK"), "TIFF") == RGB).all()
    palette = image.quantize(16)
    assert (decoded(palette) == np.asarray(palette.convert("RGB"))).all()


def test_what_is_transparent_shows_white() -> None:
    alpha = np.zeros((8, 8, 1), np.uint8)
    alpha[4:] = 255
    got = decoded(Image.fromarray(np.concatenate([RGB, alpha], axis=2)))
    assert (got[:4] == 255).all()
    assert (got[4:] == RGB[4:]).all()


def test_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="32-bit floats"):
        three_channels(Image.fromarray(np.zeros((2, 2), np.float32)))


def test_large_images_shrink_over_all_their_pixels() -> None:
    fine = Image.fromarray(np.indices((64, 64)).sum(axis=0).astype(np.uint8) % 2 * 255)
    got = stacked([("here", encoded(fine))], 1, 8, "train")
    assert got.shape == (1, 3, 8, 8)
    assert abs(got.astype(int) - 127).max() <= 3, "not every eighth pixel, all black or all white"


def test_small_images_of_one_size_are_kept_and_others_are_enlarged() -> None:
    alike = [("here", png(number, (6, 4))) for number in range(3)]
    assert stacked(alike, 3, 8, "train").shape == (3, 3, 4, 6)
    mixed = stacked([*alike, ("there", png(3, (5, 5))), ("there", png(4, (30, 30)))], 5, 8, "train")
    assert mixed.shape == (5, 3, 8, 8)
    assert colours(mixed) == [0, 1, 2, 3, 4]


def test_more_than_fits_into_memory_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    many = (asked.append(number) or ("here", png(0, (30, 30))) for number in range(1000))
    monkeypatch.setattr(pixels, "available_memory", lambda: 1000 * 3 * 8 * 8 - 1)
    with pytest.raises(UnfitError) as error:
        stacked(many, 1000, 8, "path")
    said = "path: 1,000 images of 8 x 8 pixels need 192 kB of memory, and 192 kB are free (fewer images (limit, "
    assert said in refused(error)
    assert asked == [0]


@pytest.mark.parametrize("there", [3 * 3 * 8 * 8, UNKNOWN])
def test_what_fits_is_decoded_and_where_nothing_is_known(there: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "available_memory", lambda: there)
    assert colours(stacked((("here", png(number)) for number in range(3)), 3, 8, "path")) == [0, 1, 2]


def test_the_message_names_the_place() -> None:
    with pytest.raises(UnfitError) as error:
        stacked([("a.parquet, row 7", b"GIF89a")], 1, 8, "train")
    assert (error.value.key, error.value.value) == ("train", None)
    assert error.value.problem.startswith("a.parquet, row 7: ")


def refusal(encoded: bytes | Path) -> str:
    with pytest.raises(UnfitError) as error:
        stacked([("here", encoded)], 1, 8, "train")
    return refused(error)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    assert "here: it is not a file" in refusal(tmp_path / "x.png")
    (tmp_path / "y.png").mkdir()
    assert "here: it is not a file" in refusal(tmp_path / "y.png")


@pytest.mark.parametrize("kind", ["EPS", "PDF", "PCX", "TGA", "SGI", "ICO", "DDS"])
def test_formats_that_nobody_needs_are_not_read(kind: str) -> None:
    """EPS is a program, which Pillow would let Ghostscript run."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, kind)
    assert "it is not an image that can be read (BMP, GIF, JPEG" in refusal(file.getvalue())


@pytest.mark.parametrize("kind", pixels.FORMATS)
def test_formats_that_are_read(kind: str) -> None:
    image = encoded(Image.new("RGB", (8, 8), "white"), kind)
    assert (stacked([("here", image)], 1, 8, "train") == 255).all()


def with_a_header_of(side: int) -> bytes:
    """Return a PNG of a few bytes that says that it has so many pixels in each direction."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_an_image_that_would_fill_the_memory_is_refused() -> None:
    assert "here: it has so many pixels" in refusal(with_a_header_of(60_000))


def test_a_large_image_is_no_attack() -> None:
    """Pillow would warn of it, and here warnings are errors. The pixels are missing, which is the next problem."""
    assert "image file is truncated" in refusal(with_a_header_of(10_000))
