"""The Stanford Sentiment Treebank with two classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.learning.data.datasets.published_texts import PublishedTexts


class Sst2(PublishedTexts):
    """SST-2 of GLUE: 67,349 phrases of film reviews for training and 872 sentences for testing, negative or positive.

    R. Socher et al., Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank, EMNLP 2013. The
    published validation part is tested on, as the labels of the test part are not public.
    """

    name: ClassVar[str] = "sst2"
    repository: ClassVar[str] = "nyu-mll/glue"
    configuration: ClassVar[str] = "sst2"
    splits: ClassVar[Mapping[str, str]] = {"train": "train", "test": "validation"}
    columns: ClassVar[tuple[str, ...]] = ("sentence",)
