"""A device, or the server, goes away and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.accounting.ledger import AbsenceRow
from simulator.world.clients import Client
from simulator.world.world import World
from tests.helpers.worlds import Steps, after, device, job, pause, rows, sent, served, tiny


def away(world: World, site: Any, at: float, back: float | None = None) -> Steps:
    yield from pause(world, at)
    site.leave()
    if back is not None:
        yield from pause(world, back - at)
        site.come_back()


def run(world: World, client: Client, steps: Steps, *others: Steps, seconds: float = 50) -> Any:
    """Run a client's steps, and others beside them, for so long; what came back."""

    def driver() -> Steps:
        for other in others:
            world.start(other)
        return (yield from world.together(world.start(steps, client), pause(world, seconds)))

    return world.run(driver())


def test_work_in_service_is_charged_as_far_as_it_came_and_has_no_effect() -> None:
    world, weights = tiny(), []
    client = device(world)
    steps = client.compute(job(8, lambda: weights.append(1), writes=weights, name="step"))
    run(world, client, steps, away(world, client.site, 2))
    assert [(row.work, row.seconds, row.flops) for row in world.ledger.works] == [("step", 2, 2)]
    assert weights == []


def test_queued_work_is_withdrawn() -> None:
    world = tiny()
    client = device(world)
    steps = world.together(client.compute(job(8, name="serving")), client.compute(job(8, name="queued")))
    run(world, client, steps, away(world, client.site, 2, back=3))
    assert served(world) == [("serving", 0, 2)]


@pytest.mark.parametrize("up", [True, False], ids=["upload", "download"])
def test_transfers_of_the_device_are_cut_short(up: bool) -> None:
    world = tiny()
    client = device(world, up=1, down=1)
    verb = client.upload if up else client.download
    run(world, client, verb(9, "model"), away(world, client.site, 4))
    assert sent(world) == [("model", 0, 4, 4, 4)]


def test_all_processes_of_the_client_stop_wherever_they_wait() -> None:
    world = tiny()
    client, log = device(world), []

    def turn() -> Steps:
        world.start(after(world, 6, lambda: log.append("a child goes on")))
        yield from world.together(client.server.compute(job(9, name="at the server")), world.buffer(1).get())
        log.append("the parent goes on")

    run(world, client, turn(), away(world, client.site, 2))
    assert (log, served(world)) == ([], [("at the server", 0, 9)])  # service at a site that is there finishes


def test_another_client_goes_on() -> None:
    world = tiny()
    gone, stays = device(world, "gone", up=1), device(world, "stays", up=1)

    def turn(client: Client) -> Steps:
        yield from client.compute(job(4))
        yield from client.upload(4, "x")
        return client.name

    def driver() -> Steps:
        world.start(away(world, gone.site, 6))
        return (yield from world.together(*(world.start(turn(client), client) for client in (gone, stays))))

    assert world.run(driver()) == ["stays"]
    assert [(row.source, row.bytes, row.lost) for row in world.ledger.transfers] == [("gone", 2, 2), ("stays", 4, 0)]


def test_a_client_whose_work_was_given_up_frees_its_slot_at_once_for_when_it_is_back() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        world.start(client.compute(job(9, name="given up")), client)
        yield from pause(world, 2)
        client.site.leave()
        client.site.come_back()
        yield from client.compute(job(3, name="again"))

    world.run(driver())
    assert served(world) == [("given up", 0, 2), ("again", 2, 3)]


def test_everybody_who_waits_at_a_server_that_leaves_is_stopped_and_its_queue_is_empty() -> None:
    world, weights = tiny(slots=2), []
    crowd = [device(world, name) for name in "abcd"]
    elsewhere = device(world, "elsewhere")

    def turn(client: Client) -> Steps:
        yield from client.server.compute(job(8, lambda: weights.append(1), writes=weights, name=client.name))
        return client.name

    def driver() -> Steps:
        handles = [world.start(turn(client), client) for client in crowd]
        handles.append(world.start(elsewhere.compute(job(8, lambda: "elsewhere", name="elsewhere")), elsewhere))
        yield from pause(world, 3)
        before = world.server.waiting
        world.server.leave()
        return before, world.server.waiting, (yield from world.together(*handles))

    assert world.run(driver()) == (3, 0, ["elsewhere"])
    assert (served(world), weights) == ([("a", 0, 3), ("elsewhere", 0, 8)], [])


def test_transfers_to_and_from_a_server_that_leaves_are_cut_short() -> None:
    world = tiny()
    a, b = device(world, "a", up=1), device(world, "b", down=1)

    def driver() -> Steps:
        handles = [world.start(a.upload(9, "up"), a), world.start(b.download(9, "down"), b)]
        world.start(away(world, world.server, 4))
        return (yield from world.together(*handles))

    assert world.run(driver()) == []
    assert sent(world) == [("up", 0, 4, 4, 4), ("down", 0, 4, 4, 4)]


def test_a_client_that_needs_the_leaving_server_in_one_process_stops_in_all() -> None:
    """Else the process that waits for the other's result would wait for ever."""
    world = tiny()
    client = device(world, up=1)
    buffer = world.buffer(1)

    def link() -> Steps:
        yield from client.upload(9, "x")
        yield from buffer.put("arrived")

    def turn() -> Steps:
        world.start(link())
        return (yield from buffer.get())

    def driver() -> Steps:
        world.start(away(world, world.server, 4))
        return (yield from world.together(world.start(turn(), client)))

    assert (world.run(driver()), world.now) == ([], 4)


@pytest.mark.parametrize("verb", ["serve", "upload"])
def test_a_client_that_is_done_with_the_leaving_server_goes_on(verb: str) -> None:
    world = tiny()
    client = device(world, up=1)

    def turn() -> Steps:
        yield from (client.server.compute(job(2)) if verb == "serve" else client.upload(2, "x"))
        yield from pause(world, 4)
        return "done"

    def driver() -> Steps:
        world.start(away(world, world.server, 3))
        return (yield from world.together(world.start(turn(), client)))

    assert world.run(driver()) == ["done"]


def test_a_server_that_is_back_serves_again() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        for name in ("serving", "queued"):
            world.start(client.server.compute(job(8, name=name)), client)
        yield from pause(world, 3)
        world.server.leave()
        yield from pause(world, 2)
        world.server.come_back()
        yield from world.server.compute(job(4, name="again"))
        yield from pause(world, 20)

    world.run(driver())
    assert served(world) == [("serving", 0, 3), ("again", 5, 4)]


def test_absences_are_written_down_and_leaving_twice_is_leaving_once() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        client.site.come_back()  # it is there: nothing to write down
        yield from pause(world, 2)
        client.site.leave()
        yield from pause(world, 1)
        client.site.leave()
        yield from pause(world, 4)
        client.site.come_back()
        client.site.come_back()
        yield from pause(world, 1)

    world.run(driver())
    assert list(rows(world)) == [AbsenceRow("a", 2, 5, "left")]


@pytest.mark.parametrize("verb", ["compute", "upload", "download"])
def test_a_verb_with_a_site_that_is_away_is_an_error_that_names_it(verb: str) -> None:
    world = tiny()
    client = device(world, "phone")
    client.site.leave()
    steps = client.compute(job(1, name="x")) if verb == "compute" else getattr(client, verb)(1, "x")
    with pytest.raises(RuntimeError, match=r"'phone' is away.*'x'"):
        world.run(steps)
    assert not world.ledger.works
    assert not world.ledger.transfers


def test_a_process_started_in_the_moment_its_device_leaves_never_begins() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        world.start(away_at_once(client))
        return (yield from world.together(world.start(client.compute(job(1)), client)))

    def away_at_once(client: Client) -> Steps:
        client.site.leave()
        yield from ()

    assert world.run(driver()) == []


def test_a_run_whose_driver_waits_for_a_site_that_leaves_says_so() -> None:
    world = tiny()

    def driver() -> Steps:
        world.start(away(world, world.server, 4))
        yield from world.server.compute(job(9, name="aggregate"))

    with pytest.raises(RuntimeError, match="a site left"):
        world.run(driver())


def test_two_runs_of_the_same_leave_write_the_same_rows_in_the_same_order() -> None:
    def once() -> list[Any]:
        world = tiny()
        client = device(world, up=3)
        turn = world.together(*(client.upload(90 + number, f"{number}") for number in range(20)))
        run(world, client, turn, away(world, client.site, 2))
        return list(rows(world))

    first = once()
    assert [row.kind for row in first if hasattr(row, "kind")] == [f"{number}" for number in range(20)]
    assert once() == first
