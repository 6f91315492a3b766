"""A deployment under way: namespaces, control groups and processes, which are gone when it ends, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from simulator.scenario.edges import SERVER
from simulator.scenario.scenario import Scenario
from simulator.settings.wording import listed
from tests.deployment import cgroups, namespaces
from tests.deployment.choreography import Done
from tests.deployment.predict import SCENARIO, hardware, share_of
from tests.deployment.requirements import PREFIX, DeploymentError, die_with
from tests.helpers.places import ROOT

SETTLED_S = 1.0
"""After the end of one process, those that cannot go on without it have ended too after so many seconds."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Those that end a deployment in order."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore signals that would end this process, while it removes what it has made."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def remove_leftovers() -> list[str]:
    """Remove all namespaces and control groups of deployments, with what runs in them; return what there was."""
    spaces, at = namespaces.leftovers(), cgroups.controller()
    groups = list(cgroups.leftovers(at, PREFIX)) if at else []
    with contextlib.ExitStack() as all_of_it:  # it goes on where one cannot be removed, and raises at the end
        for group in groups:
            all_of_it.callback(cgroups.remove, group)
        for space in spaces:
            all_of_it.callback(namespaces.remove, space)
    return [*spaces, *map(str, groups)]


class Deployment(contextlib.ExitStack):
    """A process for each device and the server of a scenario, each in its namespace and its control group.

    Args:
        scenario: the scenario, with a catalogue of stand-ins.
        catalogue: the file with these.
        changes: by which the scenario differs from its file, as for ``--set``.

    Attributes:
        delays: whether links have their latency.
    """

    def __init__(self, scenario: Scenario, catalogue: Path, changes: Sequence[str]) -> None:
        super().__init__()
        self._scenario, self._changes = scenario, [f"world.catalogue={catalogue}", *changes]
        self._hardware = hardware(scenario)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.delays = False

    def __enter__(self) -> Self:
        """Make all of it, and wait until every process is ready.

        Raises:
            DeploymentError: something cannot be made.
        """
        self.callback(remove_leftovers)
        with contextlib.ExitStack() as undone:
            undone.push(self.__exit__)
            self.delays = namespaces.has_delays()
            links = namespaces.hops(self._scenario)
            namespaces.make(links, self.delays)
            at, names = cgroups.controller(), [hop.site for hop in links]
            assert at is not None
            server = namespaces.address(names.index(SERVER))
            groups = {site: self._group(at, site) for site in self._hardware}
            for site in self._hardware:
                self._processes[site] = self._start(site, server)
            for site, group in groups.items():  # they share the cores while they load, and are limited from then on
                self._answer(site)
                cgroups.join(group, self._processes[site].pid)
            self._all("connect")
            undone.pop_all()  # from here on, whoever uses the deployment ends it
        return self

    def __exit__(self, *error: Any) -> None:
        """End the processes, and remove all that was made."""
        with undisturbed():
            super().__exit__(*error)

    def _group(self, at: cgroups.Controller, site: str) -> Path:
        try:
            return cgroups.make(at, f"{PREFIX}{site}", share_of(self._hardware[site]))
        except OSError as error:
            raise DeploymentError(f"the control group of {site} cannot be made: {error}") from error

    def _start(self, site: str, server: str) -> subprocess.Popen[str]:
        module = [sys.executable, "-m", "tests.deployment.site"]
        words = [site, server, str(SCENARIO), *self._changes]
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespaces.named(site), *module, *words],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with, os.getpid()),
        )
        self.callback(_end, process)
        return process

    def calibrate(self, repeats: int) -> dict[str, str]:
        """Measure each kind of hardware on one site that has it, all at the same time; return a catalogue of each."""
        sites = {name: site for site, name in self._hardware.items()}
        for site in sites.values():
            self._tell(site, "calibrate", repeats=repeats)
        return {name: self._answer(site)["catalogue"] for name, site in sites.items()}

    def play(self, label: str) -> tuple[list[float], list[Done]]:
        """Play an algorithm; return the seconds of each round, and what was done and received at all sites."""
        for site in self._processes:
            self._tell(site, "play", label=label)
        rounds = []
        while "round" in (answer := self._answer(SERVER)):
            rounds.append(answer["seconds"])
        answers = [answer, *(self._answer(site) for site in self._processes if site != SERVER)]
        return rounds, [Done(*done) for each in answers for done in each["done"]]

    def _all(self, do: str) -> None:
        for site in self._processes:
            self._tell(site, do)
        for site in self._processes:
            self._answer(site)

    def _tell(self, site: str, do: str, **beside: Any) -> None:
        channel = self._processes[site].stdin
        assert channel is not None
        try:
            channel.write(json.dumps({"do": do, **beside}) + "\n")
            channel.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _answer(self, site: str) -> dict[str, Any]:
        channel = self._processes[site].stdout
        assert channel is not None
        line = channel.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> DeploymentError:
        """Return the error for processes that have ended: one may have taken others with it."""
        time.sleep(SETTLED_S)
        statuses = {site: process.poll() for site, process in self._processes.items()}
        ended = [f"{site} with status {status}" for site, status in statuses.items() if status is not None]
        return DeploymentError(f"the deployment failed, for processes ended: {listed(ended)}")


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a process, wait for its end, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):
            assert pipe is not None
            pipe.close()
