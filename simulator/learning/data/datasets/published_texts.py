"""The base of data sets of texts that the library ``datasets`` reads from the Hugging Face hub, such as SST-2.

A subclass names the repository and the columns. Other texts need no class of their own: see ``text_parquet``, which
reads the Parquet files of any data set of the hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simulator.learning.data.datasets.base import Limited, Raw
from simulator.learning.data.datasets.encoding import CHUNK, Encoder, Row
from simulator.learning.data.datasets.text_table import BETWEEN, ONE_CLASS
from simulator.learning.data.datasets.texts import Task, Texts
from simulator.learning.data.tokenizer_json import EXTRA
from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from datasets import Dataset


class PublishedTexts(Limited):
    """A data set of texts from the Hugging Face hub.

    Attributes:
        root: the cache folder of the library ``datasets``, relative to the folder of the scenario; null: its usual one.
        download: whether to download the data set if it is not in this folder yet.
    """

    root: LocalPath | None = None
    download: bool = False

    repository: ClassVar[str]
    """The repository on the hub, and its configuration."""
    configuration: ClassVar[str]
    splits: ClassVar[Mapping[str, str]]
    """The published part that is used for training and for testing."""
    columns: ClassVar[tuple[str, ...]]
    """The columns of texts."""
    learned: ClassVar[Task] = "classification"
    """What is learned; labels are in the column ``label``, and there are none for the next token."""

    def load(self) -> Raw:
        opened = {part: self._open(split) for part, split in self.splits.items()}
        named = self.learned == "classification"
        names = tuple(opened["train"].features["label"].names) if named else ONE_CLASS
        return Raw(self._texts("train", opened["train"]), self._texts("test", opened["test"]), names)

    def _texts(self, part: str, opened: Dataset) -> Texts:
        rows = self.chosen(part, len(opened))
        labels = np.zeros(len(opened), np.int64)
        if self.learned == "classification":
            labels = np.asarray(opened.with_format("numpy")["label"][:], np.int64)
        encoder = Encoder(self.learned, "root", self.name, BETWEEN[self.learned])

        def read() -> Iterator[Row]:
            for first in range(0, len(rows), CHUNK):
                chunk = rows[first : first + CHUNK].tolist()
                values = opened[chunk]
                for row, *texts in zip(chunk, *(values[column] for column in self.columns), strict=True):
                    where = f"{self.name}, {part} text {row}"
                    if not all(texts):
                        raise UnfitError("root", None, f"{where} is empty")
                    yield Row(where, texts)

        return Texts(
            labels[rows],
            self.learned,
            lambda tokenizer, length: encoder.encode(read, len(rows), tokenizer, length),
            lambda: np.fromiter((sum(len(text.encode()) for text in row.texts) for row in read()), np.int64),
        )

    def _open(self, split: str) -> Dataset:
        try:
            import datasets
        except ImportError as error:
            problem = f"the library datasets is not installed: {EXTRA}"
            raise UnfitError("name", self.name, problem, "text_parquet, with files of your own") from error
        where = self.root or "the cache of the library datasets"

        def read(offline: bool) -> Any:
            with _quiet(datasets, offline):
                return datasets.load_dataset(self.repository, self.configuration, split=split, cache_dir=self.root)

        try:
            return read(offline=True)  # first: what is there needs no network
        except Exception as error:  # the library, its HTTP client and pyarrow each raise their own
            if not self.download:
                problem = f"{self.name} is not in {where}, or is incomplete"
                raise UnfitError("root", None, problem, "the folder that has it, or download: true") from error
        try:
            return read(offline=False)
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0]
            problem = f"{self.name} could not be downloaded to {where} ({type(error).__name__}: {reason})"
            raise UnfitError("download", None, problem, "a network, or a root that has it already") from error


@contextmanager
def _quiet(library: Any, offline: bool) -> Iterator[None]:
    """Let the library ``datasets`` show neither progress nor warnings, and ask the hub only if it may."""
    from huggingface_hub import constants
    from huggingface_hub import logging as hub_logging

    progress, level = library.is_progress_bar_enabled(), library.logging.get_verbosity()
    hub_level = hub_logging.get_verbosity()
    hub_logging.set_verbosity_error()
    was = library.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    library.disable_progress_bars()
    library.logging.set_verbosity_error()
    if offline:
        library.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        library.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = was
        library.logging.set_verbosity(level)
        hub_logging.set_verbosity(hub_level)
        if progress:
            library.enable_progress_bars()
