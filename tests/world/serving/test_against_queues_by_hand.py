"""Sites against queues that are written by hand, work by work, on random arrivals."""

from __future__ import annotations

import pytest

from simulator.scheduling.queues.processor_sharing import ProcessorSharing
from simulator.scheduling.queues.shortest_first import ShortestFirst
from simulator.world.queue import Job
from tests.helpers.queues import by_hand, poisson, shared_by_hand, simulated


class Classes:
    """Works come in the order of their names, and those in service are interrupted."""

    preempts = True

    def key(self, job: Job) -> str:
        return job.work.name


@pytest.mark.parametrize("slots", [1, 3])
def test_the_shortest_remaining_work_is_always_in_service(slots: int) -> None:
    arrivals = poisson(5, 400, 0.8 * slots, lambda rng: rng.expovariate(1.0))
    rows = simulated(arrivals, ShortestFirst(preempt=True), slots)
    expected = by_hand(arrivals, lambda arrival, left: left, slots)
    assert [row.start + row.seconds for row in rows] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("slots", [1, 3])
def test_the_first_class_is_always_in_service(slots: int) -> None:
    arrivals = poisson(6, 400, 0.8 * slots, lambda rng: rng.expovariate(1.0), "abc")
    rows = simulated(arrivals, Classes(), slots)
    expected = by_hand(arrivals, lambda arrival, left: ord(arrival.kind), slots)
    assert [row.start + row.seconds for row in rows] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("slots", [1, 3])
def test_works_share_the_slots_equally(slots: int) -> None:
    arrivals = poisson(7, 400, 0.9 * slots, lambda rng: rng.expovariate(1.0))
    rows = simulated(arrivals, ProcessorSharing(), slots)
    assert [row.start + row.seconds for row in rows] == pytest.approx(shared_by_hand(arrivals, slots), rel=1e-9)
    assert all(row.start == row.asked for row in rows)


@pytest.mark.parametrize(
    "queue",
    [ProcessorSharing(), ShortestFirst(preempt=True), Classes(), None],
    ids=["shared", "shortest first", "in classes", "first come"],
)
def test_shares_of_slots_add_up_to_the_seconds_of_the_works(queue: object) -> None:
    arrivals = poisson(8, 300, 1.5, lambda rng: rng.expovariate(1.0))
    rows = simulated(arrivals, queue, gpus=2)  # type: ignore[arg-type]
    assert [row.seconds * row.share for row in rows] == pytest.approx([arrival.size for arrival in arrivals], rel=1e-9)
    assert {row.gpu for row in rows} == {0, 1}
