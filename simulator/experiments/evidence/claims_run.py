"""Run a claim: compute its figures under every condition, and its verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.experiments.evidence.claims_points import Points, in_file
from simulator.experiments.evidence.claims_search import accepted
from simulator.experiments.evidence.claims_settings import Claim, Figure, NamedCondition, load, telling
from simulator.experiments.evidence.claims_verdict import UNMEASURED, State, combined, state_of, verdict
from simulator.experiments.sweep.points import written
from simulator.settings.errors import ScenarioError, located
from simulator.settings.wording import listed, near_miss

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class FigureResult:
    """A figure under one condition.

    Attributes:
        figure: the figure.
        values: its value, or one for each seed.
        state: whether it is as claimed; None where that depends on the seed, or where it decides nothing.
        where: the searched values with which it is as claimed, or where it was computed; empty without a search.
    """

    figure: Figure
    values: tuple[float, ...]
    state: State
    where: str = ""

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return sum(self.values) / len(self.values)

    def text(self) -> str:
        """Return the figure in words, with its range where there are several seeds."""
        return self.figure.measure.text(*self.values)


@dataclass(frozen=True)
class ConditionResult:
    """One condition, and the figures under it.

    Attributes:
        label: its name, with the searched values that give all figures at once.
        figures: the figures, in the order of the file.
        state: whether it gives the claimed figures; None where that depends on the seed.
    """

    label: str
    figures: Sequence[FigureResult]
    state: State


@dataclass(frozen=True)
class ClaimResult:
    """A claim, what was found under each condition, and the verdict.

    Attributes:
        claim: the claim.
        conditions: what was found under each; empty if a file of results is missing.
        verdict: one of ``claims_verdict.MEANINGS``.
    """

    claim: Claim
    conditions: Sequence[ConditionResult]
    verdict: str

    @property
    def missing(self) -> list[str]:
        """The names of the files of results that are missing."""
        files = (figure.measure.missing for figure in self.claim.figures)
        return list(dict.fromkeys(Path(file).name for file in files if file))

    @property
    def fulfilled(self) -> list[ConditionResult]:
        """The conditions that give the claimed figures."""
        return [condition for condition in self.conditions if condition.state]


def claims_in(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the files of claims in a folder, sorted by name: all, or those named.

    Raises:
        ScenarioError: there is no such folder, no claim in it, or none with one of the names.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if not files:
        raise ScenarioError(f"{folder}: there is no claim, no file *.yaml; name the folder of claims with --folder")
    for name in names:
        if name not in files:
            raise ScenarioError(f'{folder}: there is no claim "{name}"{near_miss(name, files)} ({listed(files)})')
    return [files[name] for name in sorted(set(names) or files)]


def run_claim(path: Path) -> ClaimResult:
    """Read the file of a claim, and compute its figures and its verdict.

    Raises:
        ScenarioError: the file is not a valid claim, or a figure cannot be computed; the message names the file.
    """
    claim = load(path)
    if any(figure.measure.missing for figure in claim.figures):
        return ClaimResult(claim, [], UNMEASURED)
    try:
        points = Points(claim)
        under = _searched if claim.search else _computed
        conditions = [under(points, condition) for condition in claim.all_conditions()]
    except ScenarioError as error:
        raise in_file(claim, error) from error
    states = [condition.state for condition in conditions]
    return ClaimResult(claim, conditions, verdict(claim.conditions, claim.otherwise, states))


def run_claims(files: Sequence[Path], tell: Tell = lambda done, of: None) -> tuple[list[ClaimResult], list[str]]:
    """Run claims; return the outcomes of those that could be run, and what is wrong with the others.

    Args:
        files: their files.
        tell: called with the number of claims that are done, and with their total.
    """
    outcomes, problems = [], []
    for done, path in enumerate(files):
        tell(done, len(files))
        try:
            outcomes.append(run_claim(path))
        except ScenarioError as error:
            problems.append(str(error))
    tell(len(files), len(files))
    return outcomes, problems


def _computed(points: Points, condition: NamedCondition) -> ConditionResult:
    figures = [_result(points, condition.values, figure) for figure in points.claim.figures]
    return ConditionResult(
        condition.label, figures, combined([result.state for result in figures if result.figure.bounds])
    )


def _result(points: Points, values: dict[str, Any], figure: Figure, where: str = "") -> FigureResult:
    claim = points.claim
    with located(claim, "figures", claim.figures.index(figure), "measure"):
        measured = figure.measure.values(points.at(values, figure))
    state = state_of([figure.accepts(value) for value in measured]) if figure.bounds else None
    return FigureResult(figure, measured, state, where)


def _searched(points: Points, condition: NamedCondition) -> ConditionResult:
    """Search the values with which all figures are as claimed, and compute the figures in their middle.

    Where there are none, each figure is computed where it alone comes closest.
    """
    claim = points.claim
    ((key, grid),) = claim.search.items()

    def value(figure: Figure) -> Callable[[int], float]:
        return lambda index: _result(points, condition.values | {key: grid[index]}, figure).values[0]

    own = {
        figure.label: accepted(value(figure), len(grid), *figure.bounds) for figure in claim.figures if figure.bounds
    }
    common = range(max(span.start for span in own.values()), min(span.stop for span in own.values()))
    word, figures = telling(key), []
    for figure in claim.figures:
        span = common or own.get(figure.label, common)
        place = grid[min(span[len(span) // 2] if span else span.start, len(grid) - 1)]
        where = f"with {word} {_between(grid, span)}" if span else f"at {word} {written(place)}"
        figures.append(_result(points, condition.values | {key: place}, figure, where))
    label = ", ".join(filter(None, [condition.label, f"{word} {_between(grid, common)}" if common else ""]))
    return ConditionResult(label, figures, bool(common))


def _between(grid: Sequence[Any], span: range) -> str:
    first, last = written(grid[span[0]]), written(grid[span[-1]])
    return first if first == last else f"{first} to {last}"
