"""A port that is never idle for very long still knows the bytes of small flows."""

from __future__ import annotations

import math
from itertools import count

import simpy

from simulator.world.flows.port import Port
from simulator.world.links import Flow, Link


def flow(link: Link, nbytes: float) -> Flow:
    return Flow((link,), nbytes, simpy.Environment().event(), cap=math.inf)


def test_the_bytes_of_small_flows_are_not_lost_in_all_that_a_port_has_carried() -> None:
    link, late = Link("port", 2e9), 1e8
    port = Port(link, 0.0, count())
    giants = [flow(link, 1e18), flow(link, 1e18)]
    for giant in giants:
        port.join(giant)
    port.settle(0.0)
    port.advance(late)  # by now each has been served 1e17 bytes, of which numbers know every sixteenth
    for _ in range(100):
        short = flow(link, 1)
        port.join(short)
        port.part(short)
    last = flow(link, 1)
    port.join(last)
    assert port.left(last) == 1
    assert [port.left(giant) for giant in giants] == [1e18 - 1e17] * 2
