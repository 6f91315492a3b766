"""What is kept at a site counts in its memory; what was received or computed there counts as long as it lives."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import Frozen
from simulator.world.clients import Client, Installed
from simulator.world.hardware import Hardware
from simulator.world.memory import Memory
from simulator.world.sites import Site
from simulator.world.store import Store, Stores
from simulator.world.world import World


class Sized:
    """A tensor, as far as a store can tell."""

    def __init__(self, elements: int) -> None:
        self.elements = elements

    def numel(self) -> int:
        return self.elements

    def element_size(self) -> int:
        return 4


@dataclass(eq=False)
class Notes(Store):
    first: Any = None
    second: Any = None


@dataclass(eq=False)
class OtherNotes(Store):
    first: dict[str, Any] = field(default_factory=dict)


class NoWire:
    def carry(self, payload: Any) -> tuple[Any, int]:
        return dict(payload), 0


@work(cost=lambda peak: Cost(flops=1, peak_bytes=peak))
def busy(peak: int) -> None:
    return None


@work(cost=lambda size: Cost(flops=1))
def made(size: int) -> dict[str, Sized]:
    return {"weight": Sized(size)}


def phone() -> tuple[World, Client]:
    world = World(NoWire())
    world.server = Site(world, "server", Hardware(1.0))
    return world, Client(Site(world, "phone", Hardware(1.0)), None, world.server)


def test_tensors_count_however_deep_they_lie() -> None:
    stores = Stores()
    stores.of(Notes).first = {"mean": Sized(10), "more": [Sized(5), (Sized(1), 3, "text")]}
    assert stores.weigh() == 4 * 16


def test_a_payload_under_two_names_counts_once() -> None:
    """Dry, one tensor may stand for several of its shape: those are as many as they would be."""
    stores, tensor = Stores(), Sized(10)
    payload = {"weight": tensor, "bias": tensor}
    stores.of(Notes).first = 3, payload
    stores.of(Notes).second = payload
    stores.of(OtherNotes).first = dict(payload)
    assert stores.weigh() == 2 * (2 * 40)


def test_frozen_weights_count_where_they_are_used() -> None:
    stores = Stores()
    stores.of(Notes).first = Frozen(weight=Sized(10))
    assert stores.weigh() == 0


def test_records_of_two_classes_are_two_and_each_class_has_one() -> None:
    stores = Stores()
    stores.of(Notes).first = 1
    assert stores.of(OtherNotes).first == {}
    assert stores.of(Notes).first == 1


def test_stores_know_when_one_of_them_was_changed() -> None:
    stores = Stores()
    assert not stores.changed
    notes = stores.of(Notes)
    assert stores.changed
    stores.weigh()
    assert not stores.changed
    notes.second = 2
    assert stores.changed


def test_a_work_needs_its_peak_on_top_of_what_is_kept() -> None:
    world, client = phone()

    def steps() -> Any:
        client.store(Notes).first = Sized(25)
        yield from client.compute(busy, 7)
        client.store(Notes).first = None
        yield from client.compute(busy, 50)

    world.run(steps())
    assert client.site.memory.peak_bytes == 107


def test_what_a_device_received_or_computed_counts_while_somebody_refers_to_it() -> None:
    world, client = phone()
    seen = []

    def steps() -> Any:
        received = yield from client.download({"weight": Sized(10)}, "model")
        computed = yield from client.compute(made, 5)
        yield from client.compute(busy, 0)
        seen.append(client.site.memory.bytes)
        del received
        yield from client.compute(busy, 0)
        seen.append(client.site.memory.bytes)
        computed = client.store(Notes).first = yield from client.compute(made, 2)
        del computed
        yield from client.compute(busy, 0)
        seen.append(client.site.memory.bytes)

    world.run(steps())
    assert seen == [60, 20, 8]
    client.store(Notes).first = None
    assert client.site.memory.bytes == 0


def test_what_is_sent_on_at_once_takes_no_memory() -> None:
    world, client = phone()

    def steps() -> Any:
        yield from client.upload((yield from client.download({"weight": Sized(10)}, "model")), "model")
        yield from client.compute(busy, 0)

    world.run(steps())
    assert client.site.memory.peak_bytes == 0


def test_a_copy_of_what_lives_at_a_site_is_plain_and_counts_like_any_record() -> None:
    notes = Stores()
    notes.of(Notes).first = Memory().keep({"weight": Sized(10)})
    assert notes.weigh() == 0, "the memory that keeps it counts it"
    restored = Stores({Notes: deepcopy(notes.of(Notes))})
    assert type(restored.of(Notes).first) is dict
    assert restored.weigh() == 40


def test_devices_that_received_the_same_frozen_weights_keep_one_table_of_them_until_one_has_more() -> None:
    first, second, more = Installed(), Installed(), Installed()
    tensors = {"a": Sized(1), "b": Sized(2)}
    for record in (first, second, more):
        record.add(dict(tensors))
    assert first.weights is second.weights is more.weights
    more.add({"c": tensors["a"]})
    assert (dict(first.weights), dict(more.weights)) == (tensors, {**tensors, "c": tensors["a"]})
    other = Installed()
    other.add({"a": tensors["a"], "b": Sized(2)})
    assert other.weights is not first.weights
