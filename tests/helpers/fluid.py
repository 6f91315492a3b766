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


def pour(
    capacity: dict[str, float], orders: list[Order], changes: list[tuple[float, str, float]] | None = None
) -> list[Fate]:
    """Return the fates of orders, computed event by event: rates are constant between entries, ends, stops and changes.

    Args:
        capacity: by link, its rate in bytes/s at first.
        orders: the flows.
        changes: the moment, the link and its rate from then on, in bytes/s; flows on a link with 0 wait.
    """
    fates = [Fate() for _ in orders]
    waiting, flowing = set(range(len(orders))), []
    clock, capacity, to_come = 0.0, dict(capacity), sorted(changes or [])
    while waiting or flowing:
        while to_come and to_come[0][0] <= clock:
            _, link, rate = to_come.pop(0)
            capacity[link] = rate
        rates = dict(zip(flowing, filling(capacity, [orders[i].path for i in flowing]), strict=True))
        left = {i: orders[i].size - fates[i].crossed for i in flowing}
        ends = {i: clock + left[i] / rates[i] if rates[i] else float("inf") for i in flowing}
        turns = [*ends.values(), *(orders[i].stop for i in flowing)]
        turns += [min(orders[i].enter, orders[i].stop) for i in waiting]
        turns += [moment for moment, _, _ in to_come[:1]]
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
