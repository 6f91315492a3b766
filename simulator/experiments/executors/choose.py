"""An executor by the name that a user gives it."""

from __future__ import annotations

from simulator.experiments.executors.base import Executor
from simulator.settings.errors import ScenarioError
from simulator.settings.wording import listed

NAMES = ("local", "ray", "slurm")


def chosen(
    name: str,
    *,
    workers: int | None,
    threads: int,
    address: str | None = None,
    gpus: bool = False,
) -> Executor | None:
    """Return the executor of a name; None for "local", which is for ``executor_for`` to choose.

    Args:
        name: "local", "ray" or "slurm".
        workers: how many items run at once; None: as many as there is room for.
        threads: the threads of each, for which as many processors are kept.
        address: of Ray: HOST:PORT of a cluster, or "auto" for one that runs on this machine; None: a Ray of our own.
            Of Slurm: "local" for processes on this machine.
        gpus: whether each needs a GPU.

    Raises:
        ScenarioError: there is no such executor, it takes no such address, what it needs is not installed, or it cannot
            be reached.
    """
    if name == "ray":
        from simulator.experiments.executors.ray import Ray
        from simulator.experiments.executors.ray_connection import check_reached

        check_reached(address)
        return Ray(workers, threads, address, gpus)
    if name == "slurm":
        from simulator.experiments.executors import slurm

        if address not in (None, "slurm", "local"):
            raise ScenarioError(f"--address {address}: --executor slurm takes slurm (the default) or local")
        slurm.check_there(address or "slurm")
        return slurm.Slurm(workers, threads, address or "slurm", gpus)
    if name != "local":
        raise ScenarioError(f"--executor {name}: there is no such executor (allowed: {listed(NAMES)})")
    if address is not None:
        raise ScenarioError("--address needs --executor ray or slurm")
    return None
