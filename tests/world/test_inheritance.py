"""What a process inherits from the one that starts it: its client, its phase and its round."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.worlds import Steps, device, job, pause, tiny


class Trouble(Exception):  # noqa: N818
    """An error of the tests' own."""


def test_started_processes_inherit_client_phase_and_round_and_keep_them() -> None:
    world = tiny()
    client = device(world)

    def child(name: str) -> Steps:
        yield from pause(world, 1)
        yield from world.server.compute(job(1, name=name))

    def turn() -> Steps:
        with world.phase("outer"):
            with world.phase("inner"):
                inner = world.start(child("inner child"))
            outer = world.start(child("outer child"))
        yield from world.together(inner, outer, child("grandchild"))

    def driver() -> Steps:
        with world.round(3, []):
            yield from world.together(world.start(turn(), client), world.server.compute(job(1, name="driver")))

    world.run(driver())
    assert {(row.work, row.client, row.phase, row.round) for row in world.ledger.works} == {
        ("inner child", "a", "inner", 3),
        ("outer child", "a", "outer", 3),
        ("grandchild", "a", "", 3),
        ("driver", None, "", 3),
    }


def test_phases_of_processes_that_interleave_do_not_mix() -> None:
    world = tiny()
    a, b = device(world, "a", up=1), device(world, "b", up=1)

    def turn(client: Any, pause_first: float) -> Steps:
        yield from pause(world, pause_first)
        for number in range(3):
            with world.phase(f"{client.name}{number}"):
                yield from client.upload(1, f"{client.name}{number}")
                yield from client.compute(job(1, name=f"{client.name}{number}"))

    world.run(world.together(world.start(turn(a, 0), a), world.start(turn(b, 0.5), b)))
    marks = [(row.kind, row.phase, row.client) for row in world.ledger.transfers]
    marks += [(row.work, row.phase, row.client) for row in world.ledger.works]
    assert len(marks) == 12
    assert all(name == phase and name[0] == client for name, phase, client in marks)


def test_a_phase_ends_with_its_block_even_when_that_fails() -> None:
    world = tiny()

    def driver() -> Steps:
        with pytest.raises(Trouble):
            with world.phase("doomed"):
                raise Trouble
        yield from world.server.compute(job(1))

    world.run(driver())
    assert [row.phase for row in world.ledger.works] == [""]


def test_a_client_given_to_start_goes_before_the_one_inherited() -> None:
    world = tiny()
    a, b = device(world, "a"), device(world, "b")

    def turn() -> Steps:
        yield from world.start(world.server.compute(job(1)), b)

    world.run(world.together(world.start(turn(), a)))
    assert [row.client for row in world.ledger.works] == ["b"]
