"""The places of labels, which settle their colours wherever they are drawn; nothing here draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Okabe and Ito's palette, safe for all common colour vision; yellow last, for it is faint on white.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9", "#F0E442")


def places_of(labels: Sequence[str], copies: Iterable[tuple[str, str, int]] = ()) -> dict[str, int]:
    """Return the place of each label, which settles its colour, dashes and marker.

    Args:
        labels: the labels, in the order of the scenario.
        copies: further names: a name, the label whose colour it has, and which copy of it this is, from 0 on. Copies
            differ in dashes and marker.
    """
    places = {label: index for index, label in enumerate(labels)}
    step = len(LINES) * -(-len(labels) // len(LINES))  # as many places on, colours are the same
    return places | {name: places[label] + step * copy for name, label, copy in copies}
