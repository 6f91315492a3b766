"""Workers of Ray, on this machine or on the machines of a cluster."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from simulator.experiments.executors.base import R, T
from simulator.experiments.executors.folders import WritesFolders, look_again, marked, unpack
from simulator.experiments.executors.plugins import with_plugins
from simulator.experiments.executors.ray_connection import connected
from simulator.experiments.executors.ray_worker import Came, Worker, needed_paths, remote_function
from simulator.settings.errors import ScenarioError

IN_FLIGHT = 4
"""Items that are sent at once, for each that can run: enough that no worker waits, few enough for any memory."""
AT_LEAST = 16
"""Items that are sent at once where none can run yet, so that a cluster that grows on demand sees the demand."""
TRIES = 4
"""How often an item is tried whose worker or machine is lost."""
PATIENCE = 600.0
"""Seconds to wait for a machine that is large enough, which a cluster may have to start first."""
_LOOK = 5.0
"""Seconds between two looks at the machines of a cluster."""
_CANCELLED_WITHIN = 10.0


@dataclass(frozen=True)
class Ray:
    """Runs items as tasks of Ray; the items of lost workers and machines are run again.

    A function that writes folders writes them where they belong if the worker shares that folder with this machine. If
    not, they come back through Ray's object store, and are written here.

    Attributes:
        workers: how many run at once; None: as many as the cluster has processors or GPUs for.
        threads: the processors that each is given.
        address: the address of the cluster, as for ``connected``.
        gpus: whether each is given a GPU; otherwise none is visible to it.
    """

    workers: int | None = None
    threads: int = 1
    address: str | None = None
    gpus: bool = False

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """As ``Executor.map``.

        Raises:
            ScenarioError: Ray is not there; a worker lacks a file, the package or its version; or no machine is large
                enough.
        """
        from joblib import cpu_count

        waiting = iter(items)
        try:
            first = next(waiting)
        except StopIteration:
            return
        with ExitStack() as stack:
            mark = None
            if isinstance(function, WritesFolders):
                function = function.at(function.root.absolute())
                mark = stack.enter_context(marked(function.root))
            workers = self.workers or max(1, cpu_count() // self.threads)
            ray = stack.enter_context(connected(self.address, workers * self.threads))
            worker: Any = with_plugins(Worker(function, mark, os.getcwd()))
            task = remote_function(ray.cloudpickle.dumps(worker), _versions(), self.gpus)
            send = ray.remote(num_cpus=self.threads, num_gpus=int(self.gpus), max_retries=0)(task).remote
            needs = tuple(dict.fromkeys(needed_paths(function)))
            tasks = _Tasks(self, ray, function, send, needs)
            stack.callback(tasks.cancel)
            yield from tasks.results(waiting, first)


@dataclass
class _Try:
    """An item on its way.

    Attributes:
        item: the item.
        sent: the item as it is sent.
        number: which try this is.
    """

    item: Any
    sent: tuple[bytes, tuple[str, ...]]
    number: int = 1


@dataclass
class _Tasks:
    """The tasks of one map, a bounded number of them at once.

    Attributes:
        executor: whose they are.
        ray: the module.
        function: the function.
        send: sends an item to a worker, and returns the reference of its result.
        needs: files and folders that every item needs.
    """

    executor: Ray
    ray: Any
    function: Callable[[Any], Any]
    send: Callable[[Any], Any]
    needs: tuple[str, ...]
    _running: dict[Any, _Try] = field(default_factory=dict)
    _looked: float = float("-inf")
    _slots: int = 0

    def results(self, waiting: Iterator[Any], first: Any) -> Iterator[Any]:
        again, idle_since = deque([self._packed(first)]), time.monotonic()
        while True:
            while len(self._running) < self._most():
                attempt = again.popleft() if again else next(map(self._packed, waiting), None)
                if attempt is None:
                    break
                self._running[self.send(attempt.sent)] = attempt
            if not self._running:
                return
            ready, _ = self.ray.wait(list(self._running), num_returns=1, timeout=_LOOK)
            if ready:  # and whatever else is ready by now
                ready, _ = self.ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
            if ready or self._slots:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > PATIENCE:
                raise ScenarioError(self._too_small())
            for reference in ready:
                attempt = self._running.pop(reference)
                try:
                    came = self.ray.get(reference)
                except self.ray.exceptions.RayTaskError as error:
                    raise error.cause or error from None
                except self.ray.exceptions.RayError as error:  # the worker or its machine was lost
                    if attempt.number < TRIES:
                        attempt.number += 1
                        again.append(attempt)
                        continue
                    yield self._lost(attempt.item, error)
                    continue
                yield self._result(came, attempt.item)

    def cancel(self) -> None:
        """Stop what still runs, and wait until it has stopped: it must not write once its folder is let go."""
        with suppress(self.ray.exceptions.RayError):  # the cluster may be gone
            for reference in self._running:
                self.ray.cancel(reference, force=True)
            if self._running:
                self.ray.wait(list(self._running), num_returns=len(self._running), timeout=_CANCELLED_WITHIN)

    def _packed(self, item: Any) -> _Try:
        needed = dict.fromkeys((*self.needs, *needed_paths(item)))
        return _Try(item, (self.ray.cloudpickle.dumps(item), tuple(needed)))

    def _result(self, came: Came | str, item: Any) -> Any:
        """Return the result of an item, whose folder is then there.

        Raises:
            ScenarioError: the worker cannot run items.
        """
        if isinstance(came, str):
            raise ScenarioError(f"{came}: install the same version on all machines")
        if came.missing:
            raise ScenarioError(
                f"the worker on {came.host} has no {came.missing[0]}: put it there, too, "
                "or into a folder that all machines share"
            )
        if isinstance(self.function, WritesFolders):
            folder = self.function.folder_of(item)
            look_again(folder) if came.folder is None else unpack(came.folder, folder)
        return came.result

    def _lost(self, item: Any, error: Exception) -> Any:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        problem = f"its worker was lost {TRIES} times, perhaps for lack of memory; Ray says: {why}"
        if isinstance(self.function, WritesFolders):
            return self.function.lost(item, problem)
        raise ScenarioError(f"an item was given up: {problem}")

    def _most(self) -> int:
        """Return how many items may be on their way."""
        if time.monotonic() - self._looked > _LOOK:
            self._slots, self._looked = sum(map(self._fit, self._machines())), time.monotonic()
        most, workers = max(AT_LEAST, IN_FLIGHT * self._slots), self.executor.workers
        return most if workers is None or self._slots <= workers else workers

    def _machines(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def _fit(self, machine: dict[str, float]) -> int:
        """Return how many items a machine can run at once."""
        processors = int(machine.get("CPU", 0) // self.executor.threads)
        return min(processors, int(machine.get("GPU", 0))) if self.executor.gpus else processors

    def _too_small(self) -> str:
        wanted = f"{self.executor.threads} processors (threads: {self.executor.threads})"
        largest = max((machine.get("CPU", 0) for machine in self._machines()), default=0)
        gpu = " and a GPU" if self.executor.gpus else ""
        return f"no machine of this Ray has {wanted}{gpu}; the largest has {largest:.0f} processors"


def _versions() -> dict[str, str]:
    """Return the versions that workers must have: of what decides on the digits of a trial."""
    return {package: version(package) for package in ("sfsim", "torch")}
