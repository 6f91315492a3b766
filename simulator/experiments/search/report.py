"""What a search ends with: its front in words, the scenarios on it as files, a figure and a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.axes import short_names
from analysis.quantities import kind_of, name_of
from analysis.tasks import worded
from simulator.experiments.run.consoles import status
from simulator.experiments.search.folder import BEST, SUGGESTIONS, Folder
from simulator.experiments.search.front import Best, front_of
from simulator.experiments.search.journal import DONE, FAILED, INFEASIBLE, PRUNED, Journal, Suggestion
from simulator.experiments.search.points import Points
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.experiments.search.search import Loop

SHOWN = 20
"""At most so many places of the front are told, and have a file."""
TIES = 3
"""Of points with equal figures at most so many are named."""
REPORT = "report.html"


@dataclass(frozen=True)
class Results:
    """The results of a search so far.

    Attributes:
        points: makes the points.
        folder: the folder.
        journal: the suggestions.
    """

    points: Points
    folder: Folder
    journal: Journal

    @property
    def figures(self) -> list[str]:
        """The objectives and the constrained figures, without keys of the space."""
        search = self.points.search
        names = dict.fromkeys([*(objective.figure for objective in search.objectives), *search.constraints])
        return [name for name in names if name not in search.space]

    def front(self) -> list[Best]:
        """Return the front so far."""
        return front_of(self.journal.suggestions(), self.points.search.objectives)

    def write(self) -> None:
        """Write the table of suggestions."""
        suggestions = self.journal.suggestions()
        front = front_of(suggestions, self.points.search.objectives)
        self.folder.write_suggestions(list(self.points.search.space), self.figures, suggestions, front)

    def named(self, suggestion: Suggestion) -> str:
        """Return a point in words: its algorithm, where there are several, and its values."""
        outcome = suggestion.outcome
        assert outcome is not None
        names = short_names(list(self.points.search.space))
        values = [f"{names[key]} {value}" for key, value in outcome.values.items()]
        return ", ".join([outcome.label] * (len(self.points.labels) > 1) + values)

    def called(self, figure: str) -> str:
        """Return what a figure, or a key of the space, is called."""
        return short_names(list(self.points.search.space)).get(figure) or self._name(figure)

    def reached(self, best: Best) -> str:
        """Return the figures of a place on the front in words: its objectives, then what else is bounded."""
        outcome = best.outcome
        return ", ".join(f"{self._name(name)} {human(kind_of(name), outcome.figures[name])}" for name in self.figures)

    def _name(self, figure: str) -> str:
        return worded(name_of(figure), self.points.task)


def tell_results(results: Results, loop: Loop, console: Console) -> None:
    """Write the scenarios on the front and the report, and print the front.

    Raises:
        ScenarioError: the front is empty; the message says why.
    """
    suggestions = results.journal.suggestions()
    for line in _count(suggestions, loop):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    front = results.front()
    if not front:
        raise ScenarioError(_nothing(results, suggestions))
    _write_scenarios(results, front)
    for line in _told(results, front, suggestions):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    with status(console, "Figure and report"):
        said = _report(results.folder)
    console.print(said, soft_wrap=True, highlight=False, markup=False)


def _count(suggestions: Sequence[Suggestion], loop: Loop) -> Iterator[str]:
    """Yield what became of the points, and why the search ended if it did so early."""
    outcomes = [suggestion.outcome for suggestion in suggestions if suggestion.outcome is not None]
    new = [outcome for outcome in outcomes if outcome.repeats is None]
    count = Counter(outcome.status for outcome in new)
    parts = [f"{count[DONE]} done", *(f"{count[name]} {name}" for name in (INFEASIBLE, PRUNED, FAILED) if count[name])]
    repeats = len(outcomes) - len(new)
    again = f"; the sampler came back to known ones {'once' if repeats == 1 else f'{repeats} times'}" if repeats else ""
    yield f"{len(new)} points, {len(new) - loop.before} of them now: {', '.join(parts)}{again}"
    if loop.points.size and len(new) >= loop.points.size:
        yield "These are all points of the space"
    elif loop.gave_up:
        yield f"It ended early: the sampler came back to known points {loop.patience} times in a row"
    failed = [outcome.message for outcome in new if outcome.status == FAILED]
    for message, times in Counter(failed).items():
        yield f"Failed{f' ({times} points)' if times > 1 else ''}: {message}"


def _told(results: Results, front: Sequence[Best], suggestions: Sequence[Suggestion]) -> Iterator[str]:
    """Yield the front in lines."""
    objectives = results.points.search.objectives
    done = sum(
        outcome.status == DONE and outcome.repeats is None
        for suggestion in suggestions
        if (outcome := suggestion.outcome) is not None
    )
    goals = [("the least" if each.minimise else "the most", results.called(each.figure)) for each in objectives]
    wanted = " and ".join(" ".join(goal) for goal in goals)
    of = f"of {done} points that are done"
    yield (
        f"Pareto front of {wanted}: {sum(len(best.suggestions) for best in front)} {of}"
        if len(objectives) > 1
        else f"Best for {wanted}, {of}"
    )
    numbered = len(front) > 1
    for place, best in enumerate(front[:SHOWN], 1):
        first, *others = best.suggestions
        ties = "; ".join(results.named(other) for other in others[:TIES])
        more = f"; and {len(others) - TIES} more" if len(others) > TIES else ""
        same = f" (a tie with {ties}{more})" if others else ""
        yield f"{f'{place}. ' * numbered}{results.named(first)}: {results.reached(best)}{same}"
    if len(front) > SHOWN:
        yield f"and {len(front) - SHOWN} more, in {results.folder.path / SUGGESTIONS}"
    files = f", and all as front-1.yaml to front-{min(len(front), SHOWN)}.yaml" if numbered else ""
    which = f" (the best in {results.called(objectives[0].figure)})" if numbered else ""
    yield f"Best scenario{which}, for sfsim run: {results.folder.path / BEST}{files}"


def _write_scenarios(results: Results, front: Sequence[Best]) -> None:
    """Write the scenarios of the front, each with its algorithm alone, and remove those of an earlier one."""
    texts = [_scenario(results, best) for best in front[:SHOWN]]
    results.folder.write(BEST, texts[0])
    for place in results.folder.path.glob("front-*.yaml"):
        place.unlink()
    for number, text in enumerate(texts, 1):
        if len(texts) > 1:
            results.folder.write(f"front-{number}.yaml", text)


def _scenario(results: Results, best: Best) -> str:
    first = best.suggestions[0]
    scenario = results.points.at(first.drawn).scenario
    assert scenario is not None
    entries = tuple(entry for entry in scenario.algorithms if entry.label == best.outcome.label)
    said = f"{results.named(first)}: {results.reached(best)}".replace("\n", " ")
    found = f"# Found by the search {results.points.search.name}. {said}\n"
    return found + scenario.model_copy(update={"algorithms": entries}).resolved()


def _nothing(results: Results, suggestions: Sequence[Suggestion]) -> str:
    """Return why the front is empty, by the point that comes closest."""
    outcomes = [(suggestion, suggestion.outcome) for suggestion in suggestions if suggestion.outcome]
    closest, outcome = min(outcomes, key=lambda pair: (pair[1].status != INFEASIBLE, sum(pair[1].violations)))
    lacks = [
        objective.figure
        for objective in results.points.search.objectives
        if all(one.figures.get(objective.figure) is None for _, one in outcomes)
    ]
    what = f"no trial has {lacks[0]}" if lacks else "no point keeps all constraints"
    return f"{what}; the closest is {results.named(closest)}: {outcome.message}"


def _report(folder: Folder) -> str:
    """Draw the figure and the page; return where they are, or why there are none."""
    from analysis import RunError, write_search_report

    try:
        return f"Report: {write_search_report(folder.path)}"
    except RunError as error:
        return f"There is no report: {error}"
