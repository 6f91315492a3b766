"""How full a site's memory gets, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.world.memory import Memory
from tests.helpers.worlds import Steps, after, device, job, pause, tiny


class Weights:
    """An identity."""


class FakePart:
    """Some pieces of a weights object, with the bytes of each."""

    def __init__(self, weights: Weights, **pieces: int) -> None:
        self.weights, self.pieces = weights, pieces

    def resident(self) -> Iterator[tuple[Weights, str, int]]:
        for name, size in self.pieces.items():
            yield self.weights, name, size


def test_shared_weights_count_once_however_many_clients_and_parts_use_them() -> None:
    memory, shared = Memory(), Weights()
    for client in ("a", "b"):
        memory.begin(client, FakePart(shared, block=100, head=7), 0)
        memory.begin(client, FakePart(shared, block=100), 0)
    assert (memory.bytes, memory.peak_bytes) == (107, 107)


def test_a_copy_for_each_client_counts_for_each() -> None:
    memory = Memory()
    for client in ("a", "b"):
        memory.begin(client, FakePart(Weights(), block=100), 0)
    assert memory.bytes == 200


def test_weights_stay_while_anybody_uses_them() -> None:
    memory, part = Memory(), FakePart(Weights(), block=100)
    found = []
    memory.begin("a", part, 0)
    memory.begin("b", part, 0)
    for client in ("a", "b"):
        memory.release(client)
        found.append(memory.bytes)
    assert (found, memory.peak_bytes) == ([100, 0], 100)


def test_what_a_pass_keeps_counts_from_its_forward_to_its_backward() -> None:
    """Weights 100; forward needs 30 and keeps 20; backward needs 50 and gives the 20 back."""
    memory, part, found = Memory(), FakePart(Weights(), block=100), []
    for peak, kept in ((30, 20), (50, -20)):
        memory.begin("a", part, peak)
        found.append(memory.bytes)
        memory.end("a", peak, kept)
        found.append(memory.bytes)
    assert (found, memory.peak_bytes) == ([130, 120, 170, 100], 170)


def test_what_is_kept_goes_when_the_engagement_is_over_and_giving_it_back_twice_does_not_count() -> None:
    memory = Memory()
    memory.begin("a", None, 5)
    memory.end("a", 5, 20)
    memory.begin("b", None, 5)
    memory.end("b", 5, 300)
    memory.release("a")
    assert memory.bytes == 300
    memory.end("a", 0, -20)
    assert memory.bytes == 300


def test_a_released_client_that_comes_back_brings_its_weights_again() -> None:
    memory, part = Memory(), FakePart(Weights(), block=100)
    for _ in range(3):
        memory.begin("a", part, 0)
        assert memory.bytes == 100
        memory.release("a")
        assert memory.bytes == 0


def test_identity_is_not_reused_by_weights_that_are_born_where_others_died() -> None:
    memory = Memory()
    for _ in range(50):
        memory.begin("a", FakePart(Weights(), block=1), 0)
    assert memory.bytes == 50


def test_a_round_of_two_clients_at_two_slots_by_hand() -> None:
    """The server holds 100 shared and 10 for each; both forwards (needing 30, keeping 20) overlap from 1 to 2.

    At 0: 100 + 10 + 30. At 1: + 10 + 30 = 180. At 2: a keeps 20: 170. At 3: b too: 160. a's backward, from 4 to 5,
    needs 60: 220 at most, then gives back its 20: 140. After the round nothing is left, and the device's 5 are gone.
    """
    world = tiny(slots=2)
    shared, found = Weights(), []
    a, b = device(world, "a"), device(world, "b")

    def turn(client, begin: float) -> Steps:
        body, mine = FakePart(shared, block=100), FakePart(Weights(), prompt=10)
        yield from client.compute(job(0, holds=FakePart(Weights(), head=5)))
        yield from client.server.compute(job(0, holds=body))
        yield from pause(world, begin)
        yield from client.server.compute(job(2, holds=mine, peak=30, kept=20))
        if client is a:
            yield from pause(world, 2)
            yield from client.server.compute(job(1, holds=body, peak=60, kept=-20))

    def look() -> None:
        found.append(world.server.memory.bytes)

    def driver() -> Steps:
        for at in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5):
            world.start(after(world, at, look))
        with world.round(1, [a, b]):
            yield from world.together(world.start(turn(a, 0), a), world.start(turn(b, 1), b), pause(world, 6))
        look()

    world.run(driver())
    assert found == [140, 180, 170, 160, 220, 140, 0]
    assert (world.server.memory.peak_bytes, a.site.memory.peak_bytes, a.site.memory.bytes) == (220, 5, 0)


def test_a_client_that_was_stopped_keeps_nothing_when_its_service_ends_after_its_round() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        with world.round(1, [client]):
            late = world.start(client.server.compute(job(8, peak=30, kept=20)), client)
            yield from world.together(late, within=2)
        yield from pause(world, 10)
        return world.server.memory.bytes, world.server.memory.peak_bytes

    assert world.run(driver()) == (0, 30)


def test_a_work_that_a_leaving_site_gives_up_keeps_nothing() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        world.start(client.compute(job(8, peak=30, kept=20)), client)
        yield from pause(world, 2)
        client.site.leave()
        return client.site.memory.bytes

    assert world.run(driver()) == 0


class Versions(Weights):
    """Weights of which open passes need earlier versions."""

    earlier_bytes = 0


def test_earlier_versions_that_open_passes_need_count_once_from_the_next_work_on() -> None:
    memory, shared, found = Memory(), Versions(), []
    first, second = FakePart(shared, block=100), FakePart(shared, head=10)
    memory.begin("a", first, 0)
    shared.earlier_bytes = 40
    for client, part in (("a", second), ("b", first)):
        memory.begin(client, part, 0)
        found.append(memory.bytes)
    shared.earlier_bytes = 0
    memory.begin("a", first, 0)
    found.append(memory.bytes)
    assert (found, memory.peak_bytes) == ([150, 150, 110], 150)


def test_earlier_versions_go_when_nobody_uses_their_weights_any_more() -> None:
    memory, shared = Memory(), Versions()
    shared.earlier_bytes = 40
    memory.begin("a", FakePart(shared, block=100), 0)
    memory.release("a")
    assert memory.bytes == 0


def test_dropped_weights_go_with_all_parts_of_them_and_come_again_when_they_are_used() -> None:
    memory, one, other = Memory(), Weights(), Weights()
    head, whole, apart = FakePart(one, head=7), FakePart(one, head=7, block=100), FakePart(other, head=5)
    for part in (head, whole, apart):
        memory.begin("a", part, 0)
    memory.drop("a", one)
    assert memory.bytes == 5
    memory.begin("a", head, 0)
    assert memory.bytes == 12
    memory.release("a")
    assert (memory.bytes, memory.peak_bytes) == (0, 112)


def test_dropped_weights_stay_while_another_client_uses_them() -> None:
    memory, part = Memory(), FakePart(Weights(), block=100)
    memory.begin("a", part, 0)
    memory.begin("b", part, 0)
    memory.drop("a", part.weights)
    assert memory.bytes == 100
    memory.release("b")
    assert memory.bytes == 0


def test_what_passes_keep_and_what_lies_in_the_store_is_not_dropped() -> None:
    memory, part = Memory(), FakePart(Weights(), block=100)
    memory.store(3)
    memory.begin("a", part, 30)
    memory.end("a", 30, 20)
    memory.drop("a", part.weights)
    assert memory.bytes == 23


def test_identity_is_not_reused_by_weights_that_are_born_where_dropped_ones_died() -> None:
    memory = Memory()
    for _ in range(50):
        part = FakePart(Weights(), block=1)
        memory.begin("a", part, 0)
        memory.drop("a", part.weights)
        assert memory.bytes == 0


def test_a_client_releases_weights_before_its_round_is_over() -> None:
    world = tiny()
    client, found = device(world), []

    def turn() -> Steps:
        first, second = FakePart(Weights(), block=100), FakePart(Weights(), block=60)
        yield from client.compute(job(1, holds=first))
        client.release(first.weights)
        found.append(client.site.memory.bytes)
        yield from client.compute(job(1, holds=second))

    def driver() -> Steps:
        with world.round(1, [client]):
            yield from world.together(world.start(turn(), client))

    world.run(driver())
    assert (found, client.site.memory.bytes, client.site.memory.peak_bytes) == ([0], 0, 100)
