"""The process of one site: it plays its part of an algorithm, computes with real tensors, and sends them over TCP.

It is told what to do by lines of JSON on its standard input, and answers in lines of JSON on its standard output.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from simulator.calibration.calibrate import machine, timed, written
from simulator.experiments.trial.simulate import Simulation
from simulator.scenario.scenario import Scenario, load
from tests.deployment.averages import Averages
from tests.deployment.choreography import SERVER, Stage
from tests.deployment.wires import PORT, Line

WATTS = {"idle": "0 W", "compute": "0 W"}
"""Nobody measures power here."""


PATIENCE_S = 60.0
"""So long the server and a device wait for each other to connect."""


class SiteProcess:
    """What a site does, command by command.

    Args:
        name: its name.
        scenario: the scenario, in which the figures of the hardware do not matter.
        server: the address of the server.

    Attributes:
        processor: computes the works of this site, one at a time.
    """

    def __init__(self, name: str, scenario: Scenario, server: str) -> None:
        self.name, self.scenario, self.server = name, scenario, server
        self.processor = ThreadPoolExecutor(1)
        self.lines: dict[str, Line] = {}
        self.simulations = {
            entry.label: Simulation(scenario, entry, scenario.seeds[0]) for entry in scenario.algorithms
        }
        self.processor.submit(self._time, 1).result()  # the first time, everything takes longer
        self._listener = socket.create_server((server, PORT)) if name == SERVER else None
        if self._listener is not None:
            self._listener.settimeout(PATIENCE_S)

    def _time(self, repeats: int) -> str:
        torch.set_num_threads(1)
        laps, jobs = Averages(), list(timed(self.scenario, "cpu"))
        whole = [piece for job in jobs for piece in job.whole()]
        for job in jobs * repeats:
            job.round(laps)
        return written(self.name, machine(self.scenario, laps, whole, f"{repeats} repeats"), WATTS)

    def calibrate(self, repeats: int) -> dict[str, Any]:
        """Time the stages of the model as ``sfsim calibrate`` does, on the thread that computes the works."""
        return {"catalogue": self.processor.submit(self._time, repeats).result()}

    def connect(self) -> dict[str, Any]:
        """Connect with the server; the server waits for all devices."""
        if self._listener is None:
            connection = socket.create_connection((self.server, PORT), timeout=PATIENCE_S)
            self.lines[SERVER] = Line(connection)
            self.lines[SERVER].send("hello", 0, [ord(letter) for letter in self.name])
            return {}
        while len(self.lines) < self.scenario.world.clients:
            line = Line(self._listener.accept()[0])
            self.lines["".join(map(chr, line.receive().payload))] = line
        return {}

    def play(self, label: str) -> dict[str, Any]:
        """Play all rounds of an algorithm; return what was done and received here."""
        simulation = self.simulations.pop(label)
        stage, rounds = Stage(self.name, simulation, self.lines, self.processor), simulation.entry.training.rounds
        if self.name == SERVER:
            stage.serve(rounds, lambda number, seconds: say({"round": number, "seconds": seconds}))
        else:
            stage.take_part(rounds)
        return {"done": stage.done}


_out = sys.stdout


def say(answer: dict[str, Any]) -> None:
    """Write one line of JSON for whoever started this process."""
    print(json.dumps(answer), file=_out, flush=True)


def main(name: str, server: str, file: str, *changes: str) -> None:
    """Do what is told until the input ends.

    Args:
        name: the name of the site.
        server: the address of the server.
        file: the scenario.
        changes: as for ``--set``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(sys.stderr):
        site = SiteProcess(name, load(Path(file), changes), server)
        say({"ready": name})
        for line in sys.stdin:
            command = json.loads(line)
            say(getattr(site, command.pop("do"))(**command))


if __name__ == "__main__":
    main(*sys.argv[1:])
