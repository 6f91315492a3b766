"""A Ray of its own on this machine, started once for all tests of this folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.executors.ray import Ray
from simulator.experiments.executors.ray_connection import connected
from tests.helpers.far_away import eventually
from tests.helpers.kills import MARK, marked
from tests.helpers.places import ROOT


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    """A node of one processor and, as it claims, a GPU; tests add others. In the end no process of theirs is left."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    mark = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv(MARK, mark)
        node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "num_gpus": 1, "include_dashboard": False})
        patch.delenv(MARK)
        try:
            yield cluster
        finally:
            cluster.shutdown()
    assert eventually(lambda: not marked(mark)), "processes of Ray are left"


@pytest.fixture(scope="module")
def ray(cluster: Any) -> Iterator[Ray]:
    """An executor on the cluster, to which all tests of a file connect once."""
    with connected(cluster.address, 1):
        yield Ray(address=cluster.address)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A folder in which calls are noted."""
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A path of ``tmp_path`` that is another one in every other process."""
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
