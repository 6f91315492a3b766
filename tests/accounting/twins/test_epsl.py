"""The twin of EPSL and PSL against the simulator: several steps in lockstep, devices and links that differ."""

from __future__ import annotations

from math import ceil

import pytest

from simulator.accounting.twins.epsl import Member, Step, epsl
from simulator.algorithms.epsl import EPSL
from tests.helpers.twins import IMAGE, LABEL, ROW, Toy, batches

SAMPLES = 20


@pytest.mark.parametrize("phi", [0.0, 0.5, 1.0])
def test_a_round(phi: float) -> None:
    """Two steps of eight samples each, and one of four. The aggregation itself moves bytes only, in no time here."""
    toy = Toy(EPSL(phi=phi), SAMPLES)
    stages = len(toy.task.model)
    head, body, last = ((0, 2),), ((2, stages - 1),), ((stages - 1, stages),)

    def step(size: int) -> Step:
        common, of_head = ceil(phi * size), toy.sizes(head, size, IMAGE)
        forward = toy.sizes(body, 4 * size).forward + toy.sizes(last, 4 * size).forward
        kept = common + 4 * (size - common)
        backward = toy.sizes(last, 4 * size).backward + toy.sizes(body, kept).backward
        return Step(
            [
                Member(
                    toy.on(at, of_head.forward),
                    toy.up(at, (ROW + LABEL) * size),
                    toy.down(at, ROW * common) if common else toy.down(at, 0)._replace(latency_s=0.0),
                    toy.down(at, ROW * (size - common)) if common < size else toy.down(at, 0)._replace(latency_s=0.0),
                    toy.on(at, of_head.backward),
                )
                for at in range(4)
            ],
            toy.served(forward + backward),
        )

    model = toy.trained(head)
    toy.check(epsl([toy.down(at, model) for at in range(4)], [(times, step(size)) for times, size in batches(SAMPLES)]))
