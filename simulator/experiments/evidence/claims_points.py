"""All points of a claim, each checked before a figure is computed there."""

from __future__ import annotations

import json

from simulator.experiments.evidence.claims_point import Point
from simulator.experiments.evidence.claims_settings import Claim, Figure
from simulator.experiments.sweep.points import Values
from simulator.experiments.trial.validate import check
from simulator.settings.errors import ScenarioError
from simulator.settings.sources import Source
from simulator.settings.wording import listed, near_miss


class Points:
    """All points of a claim; figures with the same values share one.

    Args:
        claim: the claim.

    Raises:
        ScenarioError: the file of its scenario cannot be read.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim, self._known = claim, dict[str, Point]()
        self._checked = set[str]()
        self._source: Source | None = None
        if isinstance(claim.scenario, str):
            self._source = Source(claim.scenario)
        elif claim.scenario is not None:
            assert claim._source is not None
            self._source = claim._source.inside("scenario")

    def at(self, values: Values, figure: Figure) -> Point:
        """Return the point of a figure, with these values of the condition and of the search.

        Raises:
            ScenarioError: the point is no valid scenario, or a measure names no algorithm of it.
        """
        values = self.claim.set | values | figure.set
        key = json.dumps(values, sort_keys=True)
        if key not in self._known:
            self._known[key] = Point(self._source, values)
        self._check(self._known[key], figure)
        return self._known[key]

    def _check(self, point: Point, figure: Figure) -> None:
        """Check a point, once for all values of the search.

        Raises:
            ScenarioError: as ``at``.
        """
        fixed = {key: value for key, value in point.values.items() if key not in self.claim.search}
        key = f"{figure.label} {json.dumps(fixed, sort_keys=True)}"
        if self._source is None or key in self._checked:
            return
        labels = [entry.label for entry in point.scenario.algorithms]
        for field, label in figure.measure.labels():
            if label not in labels:
                where = "figures", self.claim.figures.index(figure), "measure", field
                problem = f"no algorithm has this label{near_miss(label, labels)}"
                raise self.claim.error(where, label, problem, listed(labels))
        check(point.scenario, dry=not figure.measure.trains)
        self._checked.add(key)


def in_file(claim: Claim, error: ScenarioError) -> ScenarioError:
    """Return an error that names the file of the claim before what is wrong, if it does not name it already."""
    text = str(error)
    return error if text.startswith(claim.path) else ScenarioError(f"{claim.path}: {text}")
