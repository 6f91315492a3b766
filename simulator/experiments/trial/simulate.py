"""Simulate a trial whose cuts are chosen: build it, run it round by round, and return its result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from simulator.accounting.usage import uses
from simulator.experiments.trial.bill import bill_of
from simulator.experiments.trial.build import make_task, populate
from simulator.experiments.trial.checkpoint_file import CheckpointError, Contents
from simulator.experiments.trial.checkpoint_replay import Resumable
from simulator.experiments.trial.class_counts import class_counts
from simulator.experiments.trial.evaluation import Evaluation
from simulator.experiments.trial.forecast import Forecasts
from simulator.experiments.trial.model import load
from simulator.experiments.trial.result import MemoryPeak, RoundResult, TrialResult
from simulator.scheduling.selection.losses import observe
from simulator.settings.errors import located
from simulator.settings.garbage import seldom_collected, set_apart, take_back, uncollected
from simulator.settings.seeds import Seeds
from simulator.transport.channels import channels
from simulator.transport.dry_wire import DryWire
from simulator.transport.wire import Wire
from simulator.world.sites import Site
from simulator.world.standstill import StandstillError, TimeUpError
from simulator.world.unawaited import every_step_run
from simulator.world.world import World

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint import Checkpoints
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scheduling.budget import Budget


SELDOM = 5_000_000, 20, 100
"""When Python looks for cycles in a dry run: each search goes through all that many clients hold, and finds next to
nothing."""
MANY = 10_000
"""From how many devices on no search for cycles looks at the world as it was built."""
ROUNDING = 1e-12
"""The part of a budget that is taken for a rounding error."""
Progress = Callable[[RoundResult], Any]
"""Called with the state before training and after each round."""


class Simulation:
    """One algorithm of a scenario with one seed, in a world of its own.

    Building it runs nothing. ``rounds`` runs it and pauses after each aggregation; the ledger, the stores, the
    memory and the clock can then be read from ``world``. Where the driver's generator and unfinished processes stand
    cannot be read.

    Args:
        scenario: the world, the model and the data.
        entry: the algorithm, with its cuts chosen.
        seed: the seed of everything that is drawn at random.
        dry: simulate without training: tensors are on ``meta``.
        without: names of devices that are never chosen.
        checkpoints: where a real trial writes down how far it is; None: nowhere.
        contents: the checkpoint from which the trial goes on; None: it starts anew.

    Attributes:
        seeds: the random streams of the seed.
        task: the model, what is trained of it, and the test samples.
        world: the clock, the sites, the links and the ledger.
        power: the power of each site, by its name.
        evaluation: which clients' models are evaluated, and how.
        results: the state before training and after each round so far.
        wall_time_s: wall-clock seconds spent so far.
        standstill: who waited for what when nothing more could happen before the time was up; else empty.
    """

    def __init__(
        self,
        scenario: Scenario,
        entry: Entry,
        seed: int,
        dry: bool = False,
        without: frozenset[str] = frozenset(),
        checkpoints: Checkpoints | None = None,
        contents: Contents | None = None,
    ) -> None:
        began = time.perf_counter()
        torch.set_num_threads(scenario.threads)
        self._rounds: Iterator[RoundResult] | None = None
        self.standstill = ""
        self.scenario, self.entry, self.seed, self.without = scenario, entry, seed, without
        self.seeds = Seeds(seed)
        self.task = make_task(scenario, entry, self.seeds, dry)
        wire = (DryWire if dry else Wire)(entry.training.wire_dtype)
        model = self.task.model
        kinds = entry.algorithm.messages(model, entry.training)
        self.world = World(wire, channels=channels(entry.training.compression, kinds, wire, model.takes_tokens))
        with uncollected():
            self.power = populate(scenario, entry, self.seeds, self.task, self.world, dry)
            for client in self.world.clients:
                client.fits = client.name not in without
            self._set_apart = len(self.world.clients) >= MANY and set_apart()
        self.world.forecast = Forecasts(scenario, entry, seed, self._dry_run)
        if entry.training.selection.needs_losses:
            self.world.observer = observe(self.world)
        for site in entry.training.driver.hosts(self.world):  # the server always has the backbone
            site.memory.hold(self.task.part(self.task.backbone))
        self.evaluation = Evaluation(self.world.clients, load(scenario).classes, scenario.evaluation.clients)
        self.results: list[RoundResult] = []
        self._resumable: Resumable | None = None
        if checkpoints is not None and not dry:
            self._resumable = Resumable(checkpoints, entry, self.world, self.task, contents)
        self.wall_time_s = time.perf_counter() - began

    def _dry_run(self, scenario: Scenario, entry: Entry) -> TrialResult:
        return Simulation(scenario, entry, self.seed, dry=True).run()

    def rounds(self) -> Iterator[RoundResult]:
        """Return the iterator that runs the rounds; it yields the state before training and after each of them.

        It is always the same one: whoever asks again goes on where the last stopped. Closing it ends the simulation.

        Raises:
            ScenarioError: a driver or a selection policy finds that a setting does not fit; the message names the line.
        """
        if self._rounds is None:
            steps = self._run()
            self._rounds = seldom_collected(steps, SELDOM) if self.task.dry else steps
        return self._rounds

    def replay(self) -> None:
        """Bring a trial that goes on from a checkpoint to where that was made; ``rounds`` yields what was before, too.

        Raises:
            CheckpointError: the trial cannot go on from it; this simulation is of no use then.
        """
        if self._resumable is not None and self._resumable.replaying:
            try:
                next(self.rounds())
            except (CheckpointError, MemoryError, OSError):  # of which the last two are not the checkpoint's fault
                raise
            except Exception as error:
                raise CheckpointError(f"cannot be used: {type(error).__name__}: {error}") from error

    def _run(self) -> Generator[Any, None, None]:
        training, world, began = self.entry.training, self.world, time.perf_counter()
        resumable = self._resumable
        torch.set_num_threads(self.scenario.threads)
        budget, evaluation, last = training.budget, self.scenario.evaluation, 0.0
        states = training.driver.states(
            self.entry.algorithm,
            world,
            self.task,
            rounds=training.rounds if budget is None else sys.maxsize,
            clients_per_round=training.clients_per_round,
            selection=training.selection if resumable is None else resumable.selection,
            seeds=self.seeds,
        )
        if budget is not None and budget.seconds is not None:
            world.end_at(world.start_time + budget.seconds)
        try:
            with (
                located(self.scenario, "algorithms", self.entry.label),
                self._ended_by(budget),
                every_step_run(world, self.entry.algorithm, training.driver, training.selection) as check_steps,
            ):
                for state in states:
                    check_steps()
                    if resumable is not None and resumable.replaying:
                        if self._is_back(resumable):
                            yield None  # to ``replay``
                            yield from self.results
                            last = max(result.sim_time_s for result in self.results if result.score) - world.start_time
                            began = time.perf_counter()
                        continue
                    number, now = world.aggregations, world.now - world.start_time
                    done = number / training.rounds if budget is None else budget.spent(world) + ROUNDING
                    due = evaluation.is_due(number, now, last) or done >= 1
                    score = self.evaluation.score(self.entry.algorithm, world, self.task, state) if due else None
                    last = now if due else last
                    self.results.append(RoundResult(number, world.now, score, done))
                    self.wall_time_s += time.perf_counter() - began
                    if resumable is not None and done < 1:
                        resumable.offer(self.results, self.wall_time_s)
                    yield self.results[-1]
                    if done >= 1:
                        break
                    began = time.perf_counter()
                    torch.set_num_threads(self.scenario.threads)  # another simulation may have run meanwhile
            if resumable is not None and resumable.replaying:
                raise CheckpointError("was made later than this trial ends")
            if self.results[-1].done < 1:  # the time was up in the middle of a round
                score = self.evaluation.score(self.entry.algorithm, world, self.task, state)
                self.results.append(RoundResult(world.aggregations, world.now, score))
                yield self.results[-1]
        finally:
            states.close()  # a driver notes what is unfinished before the world ends
            world.end()
            if self._set_apart:
                take_back()

    def _is_back(self, resumable: Resumable) -> bool:
        """Go on simulating time without values, from the first state to the checkpoint; return whether that is there.

        Args:
            resumable: the trial, which goes on from the checkpoint.
        """
        if not self.world.aggregations:
            resumable.begin()
        if not resumable.has_come():
            return False
        self.wall_time_s = resumable.seconds_before
        self.results.extend(resumable.go_on())
        return True

    @contextmanager
    def _ended_by(self, budget: Budget | None) -> Iterator[None]:
        """Take it as the end when the time is up, and note a standstill before: the trial keeps what it has until then.

        Raises:
            StandstillError: there is a standstill, and no moment at which the trial would have ended anyway.
        """
        try:
            yield
        except TimeUpError:
            pass
        except StandstillError as error:
            if budget is None or budget.seconds is None:
                raise
            self.standstill = str(error)
            self.world.run_out(self.world.start_time + budget.seconds)

    def run(self) -> TrialResult:
        """Run the rounds that have not run, and return the result."""
        for _ in self.rounds():
            pass
        return self.result()

    def result(self) -> TrialResult:
        """Return the result of the rounds that have run."""
        world = self.world
        with uncollected():
            names = [client.name for client in world.clients]
            client_peaks = [_peak(client.site) for client in world.clients]
        return TrialResult(
            self.entry,
            self.seed,
            self.results,
            world.ledger,
            uses(world.ledger, self.power, names, world.start_time, world.now),
            self.power,
            client_peaks,
            _peak(world.server),
            self.without,
            self.task.trainable_parameters,
            self.wall_time_s,
            class_counts(world, load(self.scenario).names),
            self.standstill,
            bill_of(self.scenario, self.seeds, world.start_time, world.now),
            [_peak(edge) for edge in world.tiers.edges] if world.tiers else [],
            0 if self.task.dry else len(self.task.samples),
        )


def _peak(site: Site) -> MemoryPeak:
    memory, fullest = site.memory, site.memory.fullest
    doing = f"{fullest.doing} of {fullest.part}" if fullest.part else fullest.doing
    return MemoryPeak(site.name, memory.peak_bytes, site.hardware.memory, doing, fullest.round)
