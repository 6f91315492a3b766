"""What lies in a store counts in its site's memory."""

from typing import Any

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import Frozen
from simulator.world.hardware import Hardware
from simulator.world.sites import Site
from simulator.world.store import Store
from simulator.world.world import World


class Sized:
    """A tensor, as far as a store can tell."""

    def __init__(self, elements: int) -> None:
        self.elements = elements

    def numel(self) -> int:
        return self.elements

    def element_size(self) -> int:
        return 4


class NoWire:
    def carry(self, payload: Any) -> tuple[Any, int]:
        return payload, 0


@work(cost=lambda peak: Cost(flops=1, peak_bytes=peak))
def busy(peak: int) -> None:
    return None


def test_tensors_count_however_deep_they_lie() -> None:
    store = Store()
    store["moments"] = {"mean": Sized(10), "more": [Sized(5), (Sized(1), 3, "text")]}
    assert store.bytes == 4 * 16


def test_a_payload_under_two_names_counts_once() -> None:
    """Dry, one tensor may stand for several of its shape: those are as many as they would be."""
    store, tensor = Store(), Sized(10)
    payload = {"weight": tensor, "bias": tensor}
    store["received: model"] = 3, payload
    store["global model"] = payload
    store["another"] = dict(payload)
    assert store.bytes == 2 * (2 * 40)


def test_frozen_weights_count_where_they_are_used() -> None:
    store = Store()
    store["installed"] = Frozen(weight=Sized(10))
    assert store.bytes == 0


def test_a_store_knows_when_it_was_changed() -> None:
    store = Store()
    for change in (
        lambda: store.__setitem__("a", 1),
        lambda: store.setdefault("b", 2),
        lambda: store.__delitem__("a"),
    ):
        store.changed = False
        change()
        assert store.changed
    store.changed = False
    store.setdefault("b", 3)
    assert not store.changed


def test_a_work_needs_its_peak_on_top_of_the_store() -> None:
    world = World(NoWire())
    site = Site(world, "phone", Hardware(1.0))

    def steps() -> Any:
        site.store["residual"] = Sized(25)
        yield from site.compute(busy, 7)
        del site.store["residual"]
        yield from site.compute(busy, 50)

    world.run(steps())
    assert site.memory.peak_bytes == 107
