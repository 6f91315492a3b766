"""What the rounds of an algorithm wait for, and what would have to be faster for another order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analysis.server import OwnLabels, read_paths
from analysis.verdict.ranking import times

SIDES = {"link": "links", "device": "devices", "server": "the server"}
"""The sides of critical paths that have a speed, and what they are called."""
OTHERS = {"edge": "edges", "other": "waiting for a set moment"}
"""The other sides."""
REACH = 10.0
"""Speeds are changed by at most this factor, up or down."""


@dataclass(frozen=True)
class Flip:
    """A change of one side's speed after which another algorithm is as fast as the first one.

    Attributes:
        side: a key of `SIDES`.
        factor: by how much it would be faster; less than 1 if slower.
        label: the other algorithm.
    """

    side: str
    factor: float
    label: str

    @property
    def said(self) -> str:
        """The change in words, such as "links 2.1 times as fast" or "links at 0.48 of their speed"."""
        if self.factor >= 1:
            return f"{SIDES[self.side]} {times(self.factor)} times as fast"
        return f"{SIDES[self.side]} at {times(self.factor)} of {'its' if self.side == 'server' else 'their'} speed"


def path_shares(own_labels: OwnLabels) -> dict[str, dict[str, float]]:
    """Return by label the share of each side in the critical paths of all rounds; without labels that lack paths.

    Raises:
        RunError: a file cannot be read.
    """
    shares = {}
    for name, (run, label) in own_labels.items():
        seconds = read_paths(run, label).groupby("side")["seconds"].sum()
        if total := float(seconds.sum()):
            shares[name] = {str(side): float(value) / total for side, value in seconds.items()}
    return shares


def flips(seconds: Mapping[str, float], shares: Mapping[str, Mapping[str, float]], first: str) -> Iterator[Flip]:
    """Yield the changes of speed that would put another algorithm level with the first one.

    An algorithm that takes T seconds, a share s of them on one side, is taken to need T (1 - s + s / f) with that side
    f times as fast. This is an estimate: it leaves the critical path where it is.

    Args:
        seconds: what each algorithm takes.
        shares: by label, the share of each side in its critical paths.
        first: the label that takes least.
    """
    for label in seconds:
        if label == first or label not in shares or first not in shares:
            continue
        for side in SIDES:
            mine, other = (seconds[name] * shares[name].get(side, 0.0) for name in (first, label))
            rest = (seconds[label] - other) - (seconds[first] - mine)
            if rest and REACH >= (factor := (mine - other) / rest) >= 1 / REACH:
                yield Flip(side, factor, label)
