"""Plain text files, of which each token is predicted from those before it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from simulator.learning.data.datasets.base import Limited, Raw
from simulator.learning.data.datasets.encoding import Encoder, Row
from simulator.learning.data.datasets.parquet_files import Paths, matching
from simulator.learning.data.datasets.texts import Encoded, Texts, Vocabulary
from simulator.settings.errors import UnfitError
from simulator.settings.files import open_regular
from simulator.settings.printable import printable


class TextFiles(Limited):
    """Plain text files in UTF-8, cut into passages, of which a model learns the next tokens.

    A passage has as many whole lines as fit; a longer line is cut at a space. All passages of a file together are the
    file, but for passages of white space alone, which are left out. How many passages there are so depends neither on
    a tokenizer nor on the length of the model, and each passage is a sample. Its tokens beyond the length of the model
    are cut off, so ``passage`` is best about four times that length for English, at which a token has about four
    characters.

    The class of a passage is its file, so that a partition by class deals out files: by author, by source. The names of
    classes are those of the training files.

    Attributes:
        train, test: the files for training and for testing, relative to the folder of the scenario; ``*`` matches
            anything.
        passage: the length of a passage in bytes at most.
    """

    name: ClassVar[str] = "text_files"
    train: Paths
    test: Paths
    passage: Annotated[int, Field(ge=16, le=10_000_000)] = 500

    def load(self) -> Raw:
        train, files = self._part("train")
        test, _ = self._part("test")
        return Raw(train, test, tuple(printable(Path(file).name) for file in files))

    def _part(self, part: str) -> tuple[Texts, list[str]]:
        files = [path for pattern in getattr(self, part) for path in matching(part, pattern, "text")]
        passages, classes = [], []
        for number, path in enumerate(files):
            of_file = list(_passages(part, path, self.passage))
            passages += of_file
            classes += [number if part == "train" else 0] * len(of_file)
        rows = self.chosen(part, len(passages))
        chosen = [passages[row] for row in rows]
        encoder = Encoder("next_token", part, self.name, "", ends=False)
        labels = np.array(classes, np.int64)[rows]

        def sizes() -> np.ndarray:
            return np.array([passage.end - passage.start for passage in chosen], np.int64)

        def encoded(tokenizer: Vocabulary, length: int) -> Encoded:
            return encoder.encode(lambda: _rows(part, chosen), len(chosen), tokenizer, length)

        return Texts(labels, "next_token", encoded, sizes), files


class _Passage(NamedTuple):
    """A part of a file, from one byte up to another."""

    path: str
    start: int
    end: int


def _rows(key: str, passages: Sequence[_Passage]) -> Iterator[Row]:
    """Read passages, each file once."""
    open_path, content = "", b""
    for path, start, end in passages:
        if path != open_path:
            open_path, content = path, _read(key, path)
        yield Row(f"{path}, from byte {start} on", [content[start:end].decode(errors="replace")])


def _passages(key: str, path: str, most: int) -> Iterator[_Passage]:
    """Cut a file into passages.

    Args:
        key: the setting that names the file, for messages.
        path: the file.
        most: the length of a passage in bytes at most.
    """
    content = _read(key, path)
    start = 0
    while start < len(content):
        end = start + _length(content[start : start + most + 1], most)
        if content[start:end].strip():
            yield _Passage(path, start, end)
        start = end


def _length(window: bytes, most: int) -> int:
    """Return how many bytes of a window, which may have one more than ``most``, become a passage."""
    if len(window) <= most:
        return len(window)
    if line := window.rfind(b"\n", 0, most) + 1:
        return line
    if space := max(window.rfind(b" ", 0, most), window.rfind(b"\t", 0, most)) + 1:
        return space
    end = most
    while end > 1 and window[end] & 0xC0 == 0x80:  # within a character
        end -= 1
    return end


def _read(key: str, path: str) -> bytes:
    """Return the content of a text file in UTF-8, without a byte order mark."""
    try:
        with open_regular(Path(path)) as file:
            content = file.read()
    except FileNotFoundError:
        raise UnfitError(key, None, f"there is no file {path}") from None
    except OSError as error:
        raise UnfitError(key, None, f"{path} cannot be read: {error.strerror or error}") from error
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        problem = f"{path} is not UTF-8: it has the byte 0x{content[error.start]:02x}, which does not occur there"
        raise UnfitError(key, None, problem, "the file saved as UTF-8") from error
    return content
