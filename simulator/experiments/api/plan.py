"""`simulator.plan`: every cut of every algorithm, as Python code and notebooks see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from simulator.experiments.api.inputs import AnyScenario, scenario_of
from simulator.experiments.api.shown import WIDE, Shown
from simulator.experiments.plan.answers import answers
from simulator.experiments.plan.cuts import PlannedCut, points
from simulator.experiments.plan.rounds import Planner
from simulator.experiments.plan.table import PlanTable, row_of
from simulator.experiments.run.consoles import bars, session_console
from simulator.experiments.trial.dry import scenario_with_fixed_cohorts, unbilled
from simulator.experiments.trial.validate import check

if TYPE_CHECKING:
    import pandas as pd


def plan(scenario: AnyScenario, *, progress: bool | None = None, plugins: Sequence[Path | str] = ()) -> Plan:
    """Compare, without training, one round of every algorithm at every cut that it allows.

    Examples:
        >>> import simulator as sf
        >>> plan = sf.plan("scenarios/quickstart.yaml")
        >>> plan.cuts.loc[plan.cuts["label"] == "SFPrompt", "head"].tolist()
        [0, 1, 2, 3, 4]

    Args:
        scenario: a scenario, or the path of its file, or a mapping with what the file would have.
        progress: show it; None: only in a terminal or a notebook.
        plugins: Python files with algorithms or other choices that the scenario's file names; of a scenario that is
            loaded already, ``load`` has taken them.

    Raises:
        ScenarioError: the scenario cannot be run as it is.
    """
    fixed, lines = scenario_with_fixed_cohorts(unbilled(scenario_of(scenario, plugins)))
    check(fixed, dry=True)
    planner, console = Planner(fixed), session_console(progress)
    with _counted(console, "cuts") as tell:
        return Plan(planner, points(planner, tell), lines, console)


class Plan(Shown):
    """One round of every cut of every algorithm of a scenario, which shows its table in a notebook.

    Attributes:
        notes: what there is to know of the plan, in sentences.
    """

    def __init__(self, planner: Planner, planned: Sequence[PlannedCut], lines: Iterable[str], console: Console) -> None:
        """Wrap planned cuts.

        Args:
            planner: has run the rounds.
            planned: the cuts, as ``cuts.points`` returns them.
            lines: sentences on what was changed in the scenario.
            console: where progress is shown while break-even points are searched.
        """
        self.notes: list[str] = list(lines)
        self._planner, self._planned, self._console = planner, planned, console
        self._shown = PlanTable(planner, planned)

    def _said(self) -> str:
        return f"Plan of {self._planner.scenario.name}: {len(self._planned)} cuts"

    @cached_property
    def cuts(self) -> pd.DataFrame:
        """One row for each algorithm and cut, in SI units: a round's seconds, bytes, FLOPs and joules, and memory.

        ``own_cut`` is whether the scenario sets this cut, or a policy chooses it; ``fits`` whether memory suffices
        everywhere, and ``too_small`` names where it does not.
        """
        import pandas as pd

        frame = pd.DataFrame([row_of(self._planner.scenario, point) for point in self._planned])
        return frame.astype({"head": "Int64", "tail": "Int64", "devices": "Int64"})

    @property
    def best(self) -> pd.DataFrame:
        """The rows of ``cuts`` that are the fastest cut that fits, for each algorithm with more than one."""
        fastest = set(map(id, self._shown.best.values()))
        return self.cuts[[id(point) in fastest for point in self._planned]]

    @cached_property
    def answers(self) -> dict[str, list[str]]:
        """Questions with their answers in sentences: which algorithm is faster or sends less, and up to which rate.

        They are searched when they are first asked for, which may take longer than the plan.
        """
        with _counted(self._console, "break-even") as tell:
            return answers(self._planner, self._planned, tell)

    def _table(self, width: int) -> Table:
        return self._shown.table(apart=width >= WIDE)

    def _notes(self) -> Iterable[str]:
        return self.notes


@contextmanager
def _counted(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a console; yield what updates it with (done, total)."""
    with bars(console) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)
