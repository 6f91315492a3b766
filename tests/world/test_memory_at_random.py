"""The memory of a site, against a count that starts over each time: whose pieces are in use, and what each takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from simulator.world.memory import Memory

CLIENTS = ("a", "b", "c", None)


class Weights:
    """An identity, with versions of which some bytes are still needed."""

    def __init__(self, earlier_bytes: int) -> None:
        self.earlier_bytes = earlier_bytes


class Plain:
    """An identity without versions."""


class Piecewise:
    """A part with some pieces of weights."""

    asked = 0

    def __init__(self, weights: Any, pieces: dict[str, int]) -> None:
        self.weights, self.pieces = weights, pieces

    def resident(self) -> Iterator[tuple[Any, str, int]]:
        Piecewise.asked += 1
        for name, size in self.pieces.items():
            yield self.weights, name, size


class Recounted:
    """Who uses which part; everything else is counted anew from that.

    Attributes:
        uses: the parts that each client uses.
        kept: what passes keep, by client.
        earlier: the bytes of earlier versions, as of the last work with the weights.
        other: all other bytes.
    """

    def __init__(self) -> None:
        self.uses: set[tuple[str | None, Piecewise]] = set()
        self.kept: dict[str | None, int] = {}
        self.earlier: dict[Any, int] = {}
        self.other = 0

    def pieces(self) -> dict[tuple[Any, str], int]:
        return {(part.weights, name): size for _, part in self.uses for name, size in part.pieces.items()}

    def remove(self, gone: set[tuple[str | None, Piecewise]]) -> None:
        """Where a piece goes, so do the earlier versions of its weights."""
        before = self.pieces()
        self.uses -= gone
        for weights, _ in before.keys() - self.pieces().keys():
            self.earlier.pop(weights, None)

    @property
    def bytes(self) -> int:
        return sum(self.pieces().values()) + sum(self.kept.values()) + sum(self.earlier.values()) + self.other


@pytest.mark.parametrize("seed", range(20))
def test_what_is_in_use_is_what_a_count_from_scratch_finds_whatever_comes_and_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {f"block{number}": int(rng.integers(1, 100)) for number in range(5)}
    identities: list[Any] = [Plain() if number % 2 else Weights(0) for number in range(4)]
    parts = [
        Piecewise(weights, {name: sizes[name] for name in sorted(rng.choice(list(sizes), rng.integers(1, 5), False))})
        for weights in identities
        for _ in range(3)
    ]
    memory, count, running, peak = Memory(), Recounted(), list[tuple[str | None, int, int]](), 0
    for _ in range(300):
        client, part = CLIENTS[rng.integers(4)], parts[rng.integers(len(parts))]
        match rng.integers(6):
            case 0 | 1:
                if isinstance(part.weights, Weights):
                    count.earlier[part.weights] = part.weights.earlier_bytes = int(rng.integers(0, 50))
                count.uses.add((client, part))
                work = client, int(rng.integers(0, 30)), int(rng.integers(-20, 20))
                count.other += work[1]
                running.append(work)
                memory.begin(client, part, work[1])
                peak = max(peak, count.bytes)
            case 2:
                if running:
                    who, needed, kept = running.pop(int(rng.integers(len(running))))
                    count.other -= needed
                    count.kept[who] = max(0, count.kept.get(who, 0) + kept)
                    memory.end(who, needed, kept)
            case 3:
                count.remove(
                    {(who, used) for who, used in count.uses if who == client and used.weights is part.weights}
                )
                memory.drop(client, part.weights)
            case 4:
                if client is not None:
                    count.remove({(who, used) for who, used in count.uses if who == client})
                    count.kept.pop(client, None)
                    memory.release(client)
            case 5:
                count.other += (waits := int(rng.integers(0, 10)))
                memory.wait(waits)
                peak = max(peak, count.bytes)
        assert (memory.bytes, memory.peak_bytes) == (count.bytes, peak)
        for client in CLIENTS[:3]:
            assert memory.holds_for(client) == any(who == client for who, _ in count.uses)


class Counting(dict[Any, Any]):
    """A dict that counts how often anything in it is looked at."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        Counting.looks += 1
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        Counting.looks += 1
        return super().get(key, default)

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            Counting.looks += 1
            yield key

    def keys(self) -> Any:
        return list(self)

    def values(self) -> Any:
        return [self[key] for key in self]

    def items(self) -> Any:
        return [(key, self[key]) for key in self]


@pytest.mark.parametrize("own", [True, False], ids=["own weights", "shared weights"])
def test_a_release_looks_at_as_little_however_many_others_hold_something(own: bool) -> None:
    def looks(clients: int) -> int:
        memory, shared = Memory(), Piecewise(Plain(), {"block": 1})
        for name in Memory.__slots__:
            if isinstance(getattr(memory, name), dict):
                setattr(memory, name, Counting())
        for number in range(clients):
            memory.begin(f"phone-{number}", Piecewise(Plain(), {"block": 1}) if own else shared, 0)
            memory.end(f"phone-{number}", 0, 1)
        Counting.looks = 0
        memory.release("phone-0")
        return Counting.looks

    assert looks(1000) == looks(10)
