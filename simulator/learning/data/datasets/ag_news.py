"""AG News."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.learning.data.datasets.published_texts import PublishedTexts


class AgNews(PublishedTexts):
    """AG News: 120,000 news articles (title and description) for training and 7,600 for testing, 4 classes.

    X. Zhang, J. Zhao and Y. LeCun, Character-level Convolutional Networks for Text Classification, NeurIPS 2015.
    """

    name: ClassVar[str] = "ag_news"
    repository: ClassVar[str] = "fancyzhx/ag_news"
    configuration: ClassVar[str] = "default"
    splits: ClassVar[Mapping[str, str]] = {"train": "train", "test": "test"}
    columns: ClassVar[tuple[str, ...]] = ("text",)
