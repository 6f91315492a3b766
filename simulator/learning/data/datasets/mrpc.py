"""The Microsoft Research Paraphrase Corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.learning.data.datasets.published_texts import PublishedTexts


class Mrpc(PublishedTexts):
    """MRPC of GLUE: 3,668 pairs of sentences for training and 408 for testing, paraphrases or not.

    W. B. Dolan and C. Brockett, Automatically Constructing a Corpus of Sentential Paraphrases, IWP 2005. The published
    validation part is tested on, as is usual for GLUE.
    """

    name: ClassVar[str] = "mrpc"
    repository: ClassVar[str] = "nyu-mll/glue"
    configuration: ClassVar[str] = "mrpc"
    splits: ClassVar[Mapping[str, str]] = {"train": "train", "test": "validation"}
    columns: ClassVar[tuple[str, ...]] = ("sentence1", "sentence2")
