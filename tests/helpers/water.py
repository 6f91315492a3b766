"""Flows through one port, each with a cap: computed event by event from the closed form of water-filling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Pour:
    """A flow that is to go through the port.

    Attributes:
        enter: when, in seconds.
        size: how many bytes.
        cap: the most that it can take, in bytes/s.
        stop: when it is cancelled, in seconds.
    """

    enter: float
    size: float
    cap: float
    stop: float = float("inf")


def level(caps: np.ndarray, capacity: float) -> float:
    """Return the rate x with sum(min(cap, x)) = capacity; infinity if all caps together are less."""
    if caps.sum() <= capacity:
        return float("inf")
    ordered = np.sort(caps)
    filled = np.concatenate([[0.0], np.cumsum(ordered)[:-1]])
    levels = (capacity - filled) / np.arange(len(caps), 0, -1)  # if only the caps before are reached
    return float(levels[np.argmax(levels <= ordered)])


def ends(pours: list[Pour], capacity: float) -> list[tuple[float, float]]:
    """Return for each flow when it ended, and the bytes that were left then."""
    enter, size = np.array([p.enter for p in pours]), np.array([float(p.size) for p in pours])
    caps, stop = np.array([p.cap for p in pours]), np.array([p.stop for p in pours])
    left, ended = size.copy(), np.full(len(pours), np.nan)
    inside = np.zeros(len(pours), dtype=bool)
    waiting = sorted({*enter.tolist(), *stop[np.isfinite(stop)].tolist()})
    clock = 0.0
    while waiting or inside.any():
        running = np.flatnonzero(inside)
        rates = np.minimum(caps[running], level(caps[running], capacity)) if len(running) else np.zeros(0)
        first = float((left[running] / rates).min()) if len(running) else np.inf
        step = min(first, waiting[0] - clock) if waiting else first
        left[running] -= rates * step
        clock = waiting.pop(0) if waiting and waiting[0] - clock <= step else clock + step
        over = running[left[running] <= 1e-12 * size[running]]
        left[over], ended[over], inside[over] = 0.0, clock, False
        stopped = np.isnan(ended) & (stop <= clock)
        ended[stopped], inside[stopped] = clock, False
        inside |= np.isnan(ended) & (enter <= clock) & (left > 0)
        empty = np.isnan(ended) & (enter <= clock) & (left == 0)
        ended[empty] = clock
    return list(zip(ended.tolist(), left.tolist(), strict=True))
