"""A connection to Ray: to one of our own on this machine, or to a cluster that runs."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulator.settings.errors import ScenarioError

REACHED_WITHIN = 30.0
"""Seconds that an attempt to reach a Ray may take."""
LOCAL = "local"
"""The address of a Ray of our own."""
_OWN_MEMORY = 128 * 2**20
"""Bytes of the object store of a Ray of our own, whose workers write into the folder themselves."""
_TRY = (
    "import sys, ray\n"
    "try:\n"
    "    ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')\n"
    "except Exception as error:\n"
    "    print(error)\n"
    "    sys.exit(1)\n"
)
"""In a process of its own: Ray ends the process that tries to reach something else than a Ray, after two minutes."""


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what Ray says of lost machines off standard output, for which it has no public option."""
    worker: Any = sys.modules.get("ray._private.worker")
    before = getattr(worker, "_worker_logs_enabled", None)
    if before is not None:
        worker._worker_logs_enabled = False
    try:
        yield
    finally:
        if before is not None:
            worker._worker_logs_enabled = before


def check_reached(address: str | None) -> None:
    """Check that there is a Ray where ``connected`` would look for it.

    Raises:
        ScenarioError: Ray is not installed, or none can be reached.
    """
    if importlib.util.find_spec("ray") is None:
        raise ScenarioError("--executor ray needs Ray: pip install 'sfsim[ray]'")
    address = _resolved(address)
    if address == LOCAL or _is_connected():
        return
    if "://" in address:
        raise ScenarioError(
            f"--address {address}: connect from a machine of the cluster, with --address auto or HOST:PORT; from "
            "outside, send the whole command: ray job submit --address http://HOST:8265 -- sfsim ..."
        )
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ScenarioError(f"--address {address}: say HOST:PORT, or auto for a Ray that runs on this machine")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError, UnicodeError) as error:
            raise _unreached(address, getattr(error, "strerror", None) or str(error)) from None
    command = [sys.executable, "-c", _TRY, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=REACHED_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        raise _unreached(
            address, f"no answer within {REACHED_WITHIN:.0f} s; is this machine part of that cluster?"
        ) from None
    if done.returncode:
        raise _unreached(address, done.stdout or f"the attempt ended with status {done.returncode}")


@contextmanager
def connected(address: str | None, cpus: int) -> Iterator[Any]:
    """Connect to Ray for as long as this context lasts, and yield the module; a connection that exists is used.

    Args:
        address: the address of a cluster, ``HOST:PORT``, or "auto" for one that runs on this machine. None: what the
            variable RAY_ADDRESS says; without it, a Ray of our own on this machine, which ends with the context.
        cpus: how many processors a Ray of our own is given.

    Raises:
        ScenarioError: Ray cannot be reached or started.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield ray
        return
    address = _resolved(address)
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        options |= {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": _OWN_MEMORY}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # of many kinds, some of them internal
        raise _unreached(address, str(error)) from None
    finally:
        if signal.getsignal(signal.SIGTERM) is not handler:
            signal.signal(signal.SIGTERM, handler)  # Ray's own ends the process without tidying up
    with _silent():
        try:
            yield ray
        finally:
            ray.shutdown()


def _is_connected() -> bool:
    """Return whether somebody has connected this process to a Ray already."""
    ray: Any = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _resolved(address: str | None) -> str:
    return address or os.environ.get("RAY_ADDRESS") or LOCAL


def _unreached(address: str, why: str) -> ScenarioError:
    """Return the error for a Ray that cannot be used, with the first sentences of what it says."""
    why = re.sub(r"\s+", " ", why).strip()[:300].rstrip(".")
    if address == LOCAL:
        return ScenarioError(f"no Ray could be started on this machine: {why}")
    return ScenarioError(f"no Ray can be reached at {address}: {why}")
