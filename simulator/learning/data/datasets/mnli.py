"""The Multi-Genre Natural Language Inference corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.learning.data.datasets.published_texts import PublishedTexts


class Mnli(PublishedTexts):
    """MNLI of GLUE: 392,702 pairs of sentences for training and 9,815 (matched) for testing, 3 classes.

    A. Williams et al., A Broad-Coverage Challenge Corpus for Sentence Understanding through Inference, NAACL 2018. The
    published validation part is tested on, as the labels of the test part are not public.
    """

    name: ClassVar[str] = "mnli"
    repository: ClassVar[str] = "nyu-mll/glue"
    configuration: ClassVar[str] = "mnli"
    splits: ClassVar[Mapping[str, str]] = {"train": "train", "test": "validation_matched"}
    columns: ClassVar[tuple[str, ...]] = ("premise", "hypothesis")
