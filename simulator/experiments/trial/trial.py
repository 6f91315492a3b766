"""A trial: one algorithm of a scenario with one seed, the unit that is run and repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.experiments.trial.bill import check_intensity_known
from simulator.experiments.trial.checkpoint_file import CheckpointError, Contents
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.simulate import Progress, Simulation

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint import Checkpoints
    from simulator.experiments.trial.result import RoundResult, TrialResult
    from simulator.scenario.scenario import Entry, Scenario


class Trial:
    """A trial whose steps can be called one by one: choose cuts, build, simulate round by round, return the result.

    ``run`` takes all steps. A step first takes those before it that were not taken yet.

    Args:
        scenario: the world, the model and the data.
        entry: one algorithm of the scenario.
        seed: one of its seeds, or another.
        dry: simulate without training; everything but accuracy is as in a real run.
        without: names of devices that are never chosen.
        checkpoints: where the trial writes down how far it is, and from where it goes on; None: nowhere. A dry trial
            writes none: it is quickly run again.

    Attributes:
        entry: the algorithm; with its cuts, once they are chosen.
        simulation: the simulation, once it is built; None before.
    """

    def __init__(
        self,
        scenario: Scenario,
        entry: Entry,
        seed: int,
        dry: bool = False,
        without: frozenset[str] = frozenset(),
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.scenario, self.entry, self.seed, self.dry, self.without = scenario, entry, seed, dry, without
        self.checkpoints = None if dry else checkpoints
        self.simulation: Simulation | None = None
        self._chosen = False

    def choose_cuts(self) -> Entry:
        """Return the entry with a cut for each device, chosen by its policy from dry runs; itself without a policy.

        Raises:
            ScenarioError: the policy finds no cut for a device.
        """
        if not self._chosen:
            self.entry, self._chosen = placed(self.scenario, self.entry, self.seed), True
        return self.entry

    def build(self) -> Simulation:
        """Return the simulation, built but not yet run; one that goes on from a checkpoint has come to where it was."""
        if self.simulation is None and self.checkpoints is not None:
            self.simulation = self._resumed(self.checkpoints)
        if self.simulation is None:
            self.simulation = self._made()
        return self.simulation

    def _made(self, contents: Contents | None = None) -> Simulation:
        what = self.scenario, self.choose_cuts(), self.seed, self.dry, self.without
        return Simulation(*what, self.checkpoints, contents)

    def _resumed(self, checkpoints: Checkpoints) -> Simulation | None:
        """Return the simulation as a checkpoint left it; None if there is none, or none that can be used."""
        contents = checkpoints.read()
        if contents is None:
            return None
        simulation = self._made(contents)
        try:
            simulation.replay()
        except CheckpointError as error:
            checkpoints.refuse(str(error))
            return None
        return simulation

    def rounds(self) -> Iterator[RoundResult]:
        """Simulate the rounds; yield the state before training and after each, while the clock stands still.

        The iterator is always the same one: whoever asks again goes on where the last stopped. ``close`` gives up the
        rounds that are left.
        """
        return self.build().rounds()

    def result(self) -> TrialResult:
        """Return the result of the trial: of all its rounds, or of those simulated before the iterator was closed.

        Raises:
            ScenarioError: as ``run``.
        """
        result = self.build().run()
        check_intensity_known(self.scenario, self.entry, result.bill.end)
        return result

    def run(self, progress: Progress = lambda _: None) -> TrialResult:
        """Take all steps and return the result; ``progress`` is called before training and after each round.

        Raises:
            ScenarioError: the trial outlasts the trace of carbon intensities, or a cut policy finds no cut.
        """
        for point in self.rounds():
            check_intensity_known(self.scenario, self.entry, point.sim_time_s)
            progress(point)
        return self.result()


def run(
    scenario: Scenario,
    entry: Entry,
    seed: int,
    dry: bool = False,
    progress: Progress = lambda _: None,
    without: frozenset[str] = frozenset(),
    checkpoints: Checkpoints | None = None,
) -> TrialResult:
    """Run one algorithm of a scenario with one seed: all steps of a ``Trial``.

    Args:
        scenario: the world, the model and the data.
        entry: one of its algorithms.
        seed: one of its seeds, or another.
        dry: simulate without training; everything but accuracy is as in a real run.
        progress: called before training and after each round.
        without: names of devices that are never chosen.
        checkpoints: where the trial writes down how far it is, and from where it goes on; None: nowhere.

    Raises:
        ScenarioError: a cut policy finds no cut for a device, or the trial outlasts the trace of carbon intensities.
    """
    return Trial(scenario, entry, seed, dry, without, checkpoints).run(progress)
