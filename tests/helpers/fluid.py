"""A reference for the network: fluid that fills pipes, computed in the slow and obvious way."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str, ...]


def filling(capacity: dict[str, float], paths: list[Path]) -> list[float]:
    """Return max-min fair rates: all that are not settled rise by the same amount until some link is full.

    Args:
        capacity: by link, its rate in bytes/s.
        paths: the path of each flow.
    """
    rates, rising = [0.0] * len(paths), set(range(len(paths)))
    while rising:
        steps = {}
        for link, limit in capacity.items():
            flows = [flow for flow, path in enumerate(paths) if link in path]
            still_rising = [flow for flow in flows if flow in rising]
            if still_rising:
                steps[link] = (limit - sum(rates[flow] for flow in flows)) / len(still_rising)
        least = min(steps.values())
        for flow in rising:
            rates[flow] += least
        full = {link for link, step in steps.items() if step <= least + 1e-12 * capacity[link]}
        rising -= {flow for flow in rising if full.intersection(paths[flow])}
    return rates


@dataclass
class Order:
    """A flow to be sent.

    Attributes:
        path: the links.
        size: how many bytes.
        enter: when the flow enters its links, in seconds, its latency over.
        stop: when it is cancelled, in seconds.
    """

    path: Path
    size: float
    enter: float
    stop: float = float("inf")


@dataclass
class Fate:
    """The outcome of an order.

    Attributes:
        crossed: the bytes that arrived.
        end: when the flow ended, in seconds.
        complete: whether all bytes arrived.
    """

    crossed: float = 0.0
    end: float = 0.0
    complete: bool = False


def pour(capacity: dict[str, float], orders: list[Order]) -> list[Fate]:
    """Return the fates of orders, computed event by event: rates are constant between entries, ends and stops."""
    fates = [Fate() for _ in orders]
    waiting, flowing = set(range(len(orders))), []
    clock = 0.0
    while waiting or flowing:
        rates = dict(zip(flowing, filling(capacity, [orders[i].path for i in flowing]), strict=True))
        ends = {i: clock + (orders[i].size - fates[i].crossed) / rates[i] for i in flowing}
        turns = [*ends.values(), *(orders[i].stop for i in flowing)]
        turns += [min(orders[i].enter, orders[i].stop) for i in waiting]
        then = min(turns)
        for i in list(flowing):
            fates[i].crossed += rates[i] * (then - clock)
            if ends[i] <= then * (1 + 1e-12) or orders[i].stop <= then:
                complete = ends[i] <= then * (1 + 1e-12)
                fates[i] = Fate(orders[i].size if complete else fates[i].crossed, then, complete)
                flowing.remove(i)
        for i in sorted(waiting):
            if orders[i].stop <= min(then, orders[i].enter):
                fates[i].end = then
                waiting.remove(i)
            elif orders[i].enter <= then:
                flowing.append(i)
                waiting.remove(i)
        clock = then
    return fates
