"""A verdict: sentences under four headings, and what they come to for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What a comparison comes to.

    Attributes:
        answer: who comes first and by how much.
        cost: what that takes.
        certainty: whether it is decided, and by what.
        change: what would change it; none where that is not known.
        first: the labels that come first; several if they tie, none if there is nothing to compare.
        decided: whether seeds and test samples decide it; None where chance has no part in it, as in a dry run.
    """

    answer: tuple[str, ...]
    cost: tuple[str, ...] = ()
    certainty: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    decided: bool | None = None

    @property
    def headings(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The headings that have sentences, with these."""
        parts = (
            ("Which", self.answer),
            ("At what cost", self.cost),
            ("How sure", self.certainty),
            ("What would change it", self.change),
        )
        yield from ((heading, sentences) for heading, sentences in parts if sentences)

    @property
    def sentences(self) -> list[str]:
        """All sentences in their order."""
        return [sentence for _, sentences in self.headings for sentence in sentences]

    def __str__(self) -> str:
        return "\n".join(f"{heading}: {' '.join(sentences)}" for heading, sentences in self.headings)
