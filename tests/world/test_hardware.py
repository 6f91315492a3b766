"""A machine with a table: what is in it counts, and the roofline is for the rest."""

import pytest

from simulator.accounting.costs import Cost, Piece, Work
from simulator.world.hardware import Hardware, Measured
from simulator.world.sites import Site
from tests.helpers.worlds import tiny

TABLE = {"a forward": ((1, 1.0), (3, 5.0)), "a backward": ((2, 7.0),)}
MACHINE = Measured(flops_per_s=10.0, memory_bandwidth=4.0, table=TABLE)
FORWARD = Cost(flops=200, bytes_touched=100, made_of=(Piece("a forward", 2, 200, 100),))
BACKWARD = Cost(flops=500, bytes_touched=40, made_of=(Piece("a backward", 2, 500, 40),))
STEP = Cost(bytes_touched=12, made_of=(Piece("a sgd", 1, 0, 12),))


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [
        (FORWARD, 3.0),  # half way from 1 to 5
        (BACKWARD, 7.0),
        (FORWARD + BACKWARD, 10.0),
        (2 * FORWARD + BACKWARD, 13.0),
        (STEP, 3.0),  # not in the table: 12 bytes at 4 a second
        (FORWARD + STEP, 6.0),
        (FORWARD + Cost(flops=50, bytes_touched=8), 8.0),  # the rest: 5 s of arithmetic hide 2 s of memory traffic
        (FORWARD + STEP + Cost(flops=50, bytes_touched=8), 11.0),  # the step is no part of the rest
        (Cost(flops=30, bytes_touched=40), 10.0),
        (Cost(), 0.0),
    ],
)
def test_seconds_by_hand(cost: Cost, seconds: float) -> None:
    assert MACHINE.seconds(cost) == seconds


@pytest.mark.parametrize("cost", [FORWARD, 3 * FORWARD + STEP, Cost(7, 9)])
def test_without_a_table_it_is_the_roofline(cost: Cost) -> None:
    assert Measured(10.0, 4.0).seconds(cost) == Hardware(10.0, 4.0).seconds(cost)


def test_costs_compose_with_what_they_are_made_of() -> None:
    both = 2 * FORWARD + BACKWARD
    assert [piece.what for piece in both.made_of] == ["a forward", "a forward", "a backward"]
    assert (both.flops, both.bytes_touched) == (900, 240)


def test_a_site_takes_the_seconds_of_its_table() -> None:
    world = tiny()
    site = Site(world, "site", MACHINE)
    world.run(site.compute(Work(lambda: None, lambda: FORWARD + STEP, name="job")))
    (row,) = world.ledger.works
    assert (row.seconds, row.flops, row.bytes_touched) == (6.0, 200, 112)
