"""Devices of a population that are much alike: no two are equal, but they are too many for dry runs of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulator.experiments.trial.population import Figures

if TYPE_CHECKING:
    from simulator.experiments.trial.dry import DeviceClass

MOST = 32
"""Into how many classes a population is divided at most, for each edge that its devices are behind."""
HIGH_IS_WEAK = frozenset({"uplink_latency", "downlink_latency", "power"})
"""The figures of which more is worse for a device; of all others, less is."""


def alike(classes: Iterable[DeviceClass], most: int = MOST) -> dict[DeviceClass, DeviceClass]:
    """Return for each class of devices the one that stands for it; a class without drawn figures stands for itself.

    Where a population has too many classes, those are divided at the median of whatever figure they differ most in, by
    ratio, again and again (median cut: Heckbert, 1982). What stands for a part is as weak as the weakest of it in each
    figure, and has as many samples as any: what it can do, all of them can.

    Args:
        classes: the classes.
        most: how many classes stand for a population, at most.
    """
    populations: dict[tuple[int, int | None], list[DeviceClass]] = defaultdict(list)
    found: dict[DeviceClass, DeviceClass] = {}
    for kin in dict.fromkeys(classes):
        found[kin] = kin
        if kin.figures is not None:
            populations[kin.group, kin.edge].append(kin)
    for members in populations.values():
        if len(members) > most:
            for part in _divided(members, most):
                found.update(dict.fromkeys(part, weakest(part)))
    return found


def weakest(classes: Sequence[DeviceClass]) -> DeviceClass:
    """Return a class that is as weak as the weakest of some in each figure, and has as many samples as any.

    Args:
        classes: classes of one population, at least one.
    """
    columns = zip(*(kin.figures for kin in classes if kin.figures is not None), strict=True)
    worst = [
        max(values) if figure in HIGH_IS_WEAK else min(values)
        for figure, values in zip(Figures._fields, columns, strict=True)
    ]
    return classes[0]._replace(samples=max(kin.samples for kin in classes), figures=Figures(*worst))


def _divided(classes: Sequence[DeviceClass], most: int) -> list[list[DeviceClass]]:
    """Divide classes at medians, always the part that differs most, until there are ``most`` parts."""
    table = np.log(np.array([(kin.samples, *(kin.figures or ())) for kin in classes], dtype=float).clip(1e-9))
    parts = [np.arange(len(classes))]
    spreads = [_spread(table)]
    while len(parts) < most:
        widest = int(np.argmax([spread for spread, _ in spreads]))
        spread, figure = spreads[widest]
        if not spread:
            break
        part = parts[widest]
        order = part[np.argsort(table[part, figure], kind="stable")]
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        parts[widest : widest + 1] = halves
        spreads[widest : widest + 1] = [_spread(table[half]) for half in halves]
    return [[classes[index] for index in part.tolist()] for part in parts]


def _spread(table: np.ndarray) -> tuple[float, int]:
    """Return by how much rows differ where they differ most, weighted by how many they are; and the column."""
    spreads = np.ptp(table, axis=0)
    return float(spreads.max() * np.sqrt(len(table))) if len(table) > 1 else 0.0, int(spreads.argmax())
