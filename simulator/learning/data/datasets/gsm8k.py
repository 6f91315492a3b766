"""Grade School Math 8K."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.learning.data.datasets.published_texts import PublishedTexts
from simulator.learning.data.datasets.texts import Task


class Gsm8k(PublishedTexts):
    """GSM8K: 7,473 word problems with solutions for training and 1,319 for testing; the solution is predicted.

    K. Cobbe et al., Training Verifiers to Solve Math Word Problems, 2021, arXiv 2110.14168.
    """

    name: ClassVar[str] = "gsm8k"
    repository: ClassVar[str] = "openai/gsm8k"
    configuration: ClassVar[str] = "main"
    splits: ClassVar[Mapping[str, str]] = {"train": "train", "test": "test"}
    columns: ClassVar[tuple[str, ...]] = ("question", "answer")
    learned: ClassVar[Task] = "next_token"
