"""The interface of a modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from simulator.learning.data.inputs import Inputs


class Modality(ABC):
    """What a model takes as a sample: how raw samples become inputs of its first stage.

    An ``Objective`` says what is to be predicted, and the first stage of a model how new prompts are drawn.

    Attributes:
        kind: what samples are called, in the plural: ``images`` or ``texts``.
        shape: the shape of a sample; of texts, the largest one.
        sample_bytes: the memory of a sample with its targets, in bytes.
    """

    kind: ClassVar[str]
    shape: tuple[int, ...]
    sample_bytes: int

    @abstractmethod
    def inputs(self, samples: Any, dry: bool) -> Inputs:
        """Return samples of this kind in memory.

        Args:
            samples: the samples as a data set has loaded them.
            dry: whether only labels and shapes matter.

        Raises:
            UnfitError: they cannot be read.
        """

    @abstractmethod
    def random(self, samples: int, outputs: tuple[int, ...]) -> Inputs:
        """Return random samples with random targets, for which only the time matters that a model takes.

        Args:
            samples: how many.
            outputs: the shape of a sample's logits: (classes,), or (tokens, vocabulary) for the next token.
        """
