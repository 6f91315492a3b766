"""The laws of queues where works wait for each other at the server, under each discipline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.trial.simulate import Simulation
from tests.helpers.caches import forget
from tests.helpers.service_laws import BATCHING, QUEUES, check_paths, check_queues
from tests.helpers.small_trials import scenario

SYNCHRONOUS = {"name": "synchronous"}
FEDBUFF = {"name": "fedbuff", "buffer": 2, "concurrency": 6}
PRESENCE = {"name": "on_off", "mean_present": "20 min", "mean_absent": "30 s"}


def crowds() -> Iterator[Any]:
    """Each discipline, and passes, at one slot and at more; one in three of the places where works read or write."""
    servings: list[dict[str, Any]] = [{"queue": queue} for queue in QUEUES]
    servings += [{"queue": QUEUES[kind], **batching} for kind in (0, 5) for batching in BATCHING[1:]]
    for place, serving in enumerate(servings):
        for turn, (label, driver) in enumerate((("v1-linear", SYNCHRONOUS), ("sfp", SYNCHRONOUS), ("v1", FEDBUFF))):
            marks = () if turn == place % 3 else pytest.mark.slow
            slots = {"gpus": 1 + place % 2, "slots": 1 + place // 2 % 2}
            yield pytest.param(serving | slots, label, driver, marks=marks)


@pytest.mark.parametrize(("serving", "label", "driver"), list(crowds()))
def test_the_laws_hold_where_the_server_is_crowded(
    tmp_path: Path, serving: dict[str, Any], label: str, driver: dict[str, Any]
) -> None:
    server = {"name": "rtx-4090", "rate": {"fp32": "20 MFLOP/s"}, **serving}
    devices = [{"name": name, "count": 5, "presence": PRESENCE} for name in ("raspberry-pi-4", "jetson-nano")]
    training = {"rounds": 2, "clients_per_round": 6, "driver": driver}
    small = scenario(tmp_path, [label], world={"devices": devices, "server": server}, training=training)
    forget()
    simulation = Simulation(small, small.algorithms[0], seed=0, dry=True)
    result = simulation.run()
    check_queues(simulation.world, result.ledger)
    check_paths(result.ledger)
    rows = [row for row in result.ledger.works if row.site == "server"]
    assert any(row.start > row.asked or row.share < 1 for row in rows), "else nothing was checked"
