"""For how long a device takes part in a round: to its end, and to the end of what it has in service then."""

from __future__ import annotations

import pytest

from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.world.world import World
from tests.helpers.worlds import DARK, Steps, device, job, pause, tiny


def rounds(world: World, *pauses: float) -> Steps:
    """Rounds that end after 4 s, in which the device would compute for 10 s, with pauses between them."""
    (client,) = world.clients
    for number, seconds in enumerate((*pauses, 0), start=1):
        with world.round(number, [client]):
            yield from world.together(world.start(client.compute(job(10)), client), within=4)
        yield from pause(world, seconds)


def engaged(world: World) -> list[tuple[int, float, float]]:
    """(round, start, seconds), in order of time."""
    return sorted(((row.round, row.start, row.seconds) for row in world.ledger.engagements), key=lambda row: row[1])


@pytest.mark.parametrize(
    ("between", "found"),
    [
        (20, [(1, 0, 4), (1, 4, 6), (2, 24, 4)]),  # it finishes at 10
        (3, [(1, 0, 4), (1, 4, 3), (2, 7, 4)]),  # at 7 it takes part again, and finishes meanwhile
    ],
)
def test_it_takes_part_until_it_has_finished_or_takes_part_again(
    between: float, found: list[tuple[int, float, float]]
) -> None:
    world = tiny()
    device(world)
    world.run(rounds(world, between))
    assert engaged(world) == found


def test_it_is_charged_all_its_watts_for_what_it_finishes_and_idle_ones_once() -> None:
    """10 s at 7 W from 0; of the second round, which ends the run, 4 s."""
    world = tiny()
    phone = device(world)
    world.run(rounds(world, 20))
    found = uses(world.ledger, {"server": DARK, phone.name: Power(2.0, 7.0, 2.0, 2.0)}, [phone.name], 0, world.now)
    assert sum(use.energy_j for use in found) == pytest.approx(10 * 7 + 4 * 7)


def test_a_device_that_leaves_while_it_finishes_takes_part_no_longer() -> None:
    world = tiny()
    phone = device(world)

    def driver() -> Steps:
        world.start(leaving())
        yield from rounds(world)
        yield from pause(world, 9)

    def leaving() -> Steps:
        yield from pause(world, 6)
        phone.site.leave()

    world.run(driver())
    assert engaged(world) == [(1, 0, 4), (1, 4, 2)]
