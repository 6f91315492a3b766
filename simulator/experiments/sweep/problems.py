"""What is wrong with the points and trials of a sweep, in lines of which each names how many have the problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simulator.experiments.sweep.points import Plan, Row, named
from simulator.settings.errors import ScenarioError

SHOWN = 10
"""At most this many problems are printed; the table of points has them all."""


def invalid(plan: Plan) -> list[str]:
    """Return a line for each problem of invalid points and trials."""
    return grouped((named(row, trial=bool(row.trial)), plan.problem(row) or "") for row in _refused(plan))


def refusal(plan: Plan, lines: Sequence[str], hint: str = "") -> ScenarioError:
    """Return the error of a sweep that is not run because of these problems, with a hint on what can be done."""
    heading = f"{plan.count - len(plan.trials)} of {plan.count} trials are not valid{hint}:"
    return ScenarioError("\n".join([heading, *at_most_shown(lines)]))


def _refused(plan: Plan) -> list[Row]:
    """Return a row for each point that is not a valid scenario, and for each invalid trial."""
    first_rows: dict[str | int, Row] = {}
    for row in plan.rows:
        if plan.problem(row):
            first_rows.setdefault(row.trial or row.point, row)
    return list(first_rows.values())


def grouped(problems: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each distinct problem: the first point or trial that has it, how many more, and the problem."""
    rows_with: dict[str, list[str]] = {}
    for name, problem in problems:
        rows_with.setdefault(problem, []).append(name)
    more = {problem: f" (and {len(names) - 1} more)" if len(names) > 1 else "" for problem, names in rows_with.items()}
    return [f"{names[0]}{more[problem]}: {problem}" for problem, names in rows_with.items()]


def at_most_shown(lines: Sequence[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"and {more} more"] if more > 0 else list(lines)
