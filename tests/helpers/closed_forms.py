"""Small worlds in which closed forms hold: links of one's own, and a server that has a slot for each device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario

PI = {"name": "raspberry-pi-4", "count": 2}
NANO = {"name": "jetson-nano", "count": 2, "uplink": "lte", "memory_bandwidth": "1 GB/s"}
WIDE = {"rate": "100 Gbit/s", "latency": "3 ms"}
SERVER = {"name": "rtx-4090", "slots": 4, "rate": {"fp32": "1 GFLOP/s"}, "uplink": WIDE, "downlink": WIDE}


def small(
    folder: Path, *labels: str, devices: Any = (PI, NANO), server: dict[str, Any] | None = None, **changes: Any
) -> Scenario:
    """Four devices of two groups, with latency and slow memory, and fourteen samples on each; a server that has a slot
    for each, and ports as wide as need be. Nothing is compressed.
    """
    world = {"devices": list(devices), "server": SERVER | (server or {}), **changes.pop("world", {})}
    data = {"name": "synthetic", "samples": 56, "test_samples": 10, "classes": 5, **changes.pop("data", {})}
    training = {"clients_per_round": 4, **changes.pop("training", {})}
    found = scenario(folder, list(labels), **{"world": world, "data": data, "training": training, **changes})
    plain = tuple(
        entry.model_copy(update={"training": entry.training.model_copy(update={"compression": {}})})
        for entry in found.algorithms
    )
    return found.model_copy(update={"algorithms": plain})
