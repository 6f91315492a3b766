"""A trial: one scenario, one of its algorithms, one seed. The unit that is run and repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.simulate import Progress, Simulation

if TYPE_CHECKING:
    from simulator.experiments.trial.result import RoundResult, TrialResult
    from simulator.scenario.scenario import Entry, Scenario


class Trial:
    """A trial in steps that can be called one by one: choose cuts, build, simulate round by round, result.

    ``run`` takes all of them. A step that was not taken yet is taken by the one after it.

    Args:
        entry: one algorithm of the scenario.
        dry: nothing is learned; all but accuracy is as in a real run.
        without: names of devices that are never chosen.

    Attributes:
        entry: with its cuts, once they are chosen.
        simulation: the world and the task, once they are built.
    """

    def __init__(
        self, scenario: Scenario, entry: Entry, seed: int, dry: bool = False, without: frozenset[str] = frozenset()
    ) -> None:
        self.scenario, self.entry, self.seed, self.dry, self.without = scenario, entry, seed, dry, without
        self.simulation: Simulation | None = None
        self._chosen = False

    def choose_cuts(self) -> Entry:
        """The entry with a cut for each device, where a policy chooses them; found out by dry runs.

        Raises:
            ScenarioError: the policy finds no cut for a device.
        """
        if not self._chosen:
            self.entry, self._chosen = placed(self.scenario, self.entry, self.seed), True
        return self.entry

    def build(self) -> Simulation:
        """The world and the task, before anything has happened there."""
        if self.simulation is None:
            self.simulation = Simulation(self.scenario, self.choose_cuts(), self.seed, self.dry, self.without)
        return self.simulation

    def rounds(self) -> Iterator[RoundResult]:
        """Simulate; what is found before the first round and after each, while the clock stands still."""
        return self.build().rounds()

    def result(self) -> TrialResult:
        """What the trial leaves, once its rounds are simulated."""
        return self.build().result()

    def run(self, progress: Progress = lambda _: None) -> TrialResult:
        """All steps; ``progress`` is called after each round."""
        for point in self.rounds():
            progress(point)
        return self.result()


def run(
    scenario: Scenario,
    entry: Entry,
    seed: int,
    dry: bool = False,
    progress: Progress = lambda _: None,
    without: frozenset[str] = frozenset(),
) -> TrialResult:
    """Run one algorithm of a scenario with one seed: all steps of a ``Trial``.

    Args:
        scenario: the world, the model and the data.
        entry: one of its algorithms.
        seed: one of its seeds, or another.
        dry: nothing is learned; all but accuracy is as in a real run.
        progress: is called after each round.
        without: names of devices that are never chosen.

    Raises:
        ScenarioError: a cut policy finds no cut for a device.
    """
    return Trial(scenario, entry, seed, dry, without).run(progress)
