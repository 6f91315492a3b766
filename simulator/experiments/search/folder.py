"""The folder of a search: its trials as a sweep stores them, the journal, and a table of all suggestions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulator.experiments.run.tables import environment
from simulator.experiments.search.front import Best
from simulator.experiments.search.journal import JOURNAL, Suggestion
from simulator.experiments.sweep.store import ENVIRONMENT, Store
from simulator.settings.csv_cells import escaped_row
from simulator.settings.errors import ScenarioError
from simulator.settings.files import atomically, remove_unfinished
from simulator.settings.locks import locked
from simulator.settings.wording import first_difference, shown

if TYPE_CHECKING:
    from simulator.experiments.search.points import Points

SEARCH, SUGGESTIONS, BEST = "search.yaml", "suggestions.csv", "best.yaml"
COLUMNS = ("suggestion", "label", "status", "front", "repeats", "trials", "message")
_MAY_CHANGE = ("trials", "pruning", "task")
"""What another search in the same folder may have different: it then goes on from what is there. The task follows from
the scenario."""


@dataclass(frozen=True)
class Folder:
    """The folder of a search.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def store(self) -> Store:
        """The store of the trials."""
        return Store(self.path)

    @contextmanager
    def opened(self, points: Points, device: str, force: bool) -> Iterator[None]:
        """Lock the folder for this search, and remove what an interrupted process left unfinished.

        Args:
            points: the points of the search.
            device: the torch device of its trials.
            force: use the folder whatever it holds. The suggestions of another search are dropped; finished trials are
                kept.

        Raises:
            ScenarioError: without ``force``, the folder holds something else, another search, or one of another version
                of sfsim; or another process is running a search there.
        """
        described = _described(points)
        if not force:
            self._refuse_others(described)
        self.store.trials.mkdir(parents=True, exist_ok=True)
        with locked(self.path / ".lock", self.path, "runs this search"):
            if self._other(described):
                (self.path / JOURNAL).unlink(missing_ok=True)
            self._clean()
            self.write(SEARCH, _yaml(described))
            self.write(ENVIRONMENT, json.dumps(environment(points.base.threads, device), indent=2) + "\n")
            try:
                yield
            finally:
                self._clean()

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, which appears only when it is complete."""
        atomically(self.path / name, lambda partial: partial.write_text(text, encoding="utf-8"))

    def write_suggestions(
        self, keys: Sequence[str], figures: Sequence[str], suggestions: Sequence[Suggestion], front: Sequence[Best]
    ) -> None:
        """Write the table of suggestions that are no longer under way.

        Args:
            keys: the keys of the space.
            figures: the objectives and the constrained figures.
            suggestions: all suggestions.
            front: the front.
        """
        places = {one.number: place for place, best in enumerate(front, 1) for one in best.suggestions}

        def write(path: Path) -> None:
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(escaped_row((*COLUMNS[:1], *keys, *COLUMNS[1:4], *figures, *COLUMNS[4:])))
                for suggestion in suggestions:
                    if (outcome := suggestion.outcome) is None:
                        continue
                    repeats = "" if outcome.repeats is None else outcome.repeats
                    values = [outcome.values[key] for key in keys]
                    known = (outcome.figures.get(figure) for figure in figures)
                    amounts = ["" if value is None else repr(value) for value in known]
                    stands = (outcome.label, outcome.status, places.get(suggestion.number, ""))
                    rest = (repeats, " ".join(outcome.trials), outcome.message)
                    table.writerow(escaped_row((suggestion.number, *values, *stands, *amounts, *rest)))

        atomically(self.path / SUGGESTIONS, write)

    def _clean(self) -> None:
        remove_unfinished(self.store.trials)
        checkpoints = self.store.checkpoint("").parent
        if checkpoints.is_dir():
            remove_unfinished(checkpoints)
            with suppress(OSError):  # it is not empty
                checkpoints.rmdir()
        for name in (SEARCH, SUGGESTIONS, BEST, ENVIRONMENT, "front"):
            remove_unfinished(self.path, name)

    def _refuse_others(self, described: Mapping[str, Any]) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ScenarioError(f"{self.path} is a file: name a folder with --out")
        if not (self.path / SEARCH).exists():
            there = list(self.path.glob("[!.]*")) if self.path.exists() else []
            if any(place != self.store.trials or any(place.iterdir()) for place in there):
                taken = "exists, is not empty and holds no search"
                raise ScenarioError(f"{self.path} {taken}: name another folder with --out, or say --force")
            return
        if differs := self._other(described):
            where, ours, theirs = differs
            raise ScenarioError(
                f"{self.path} holds another search: {where} is {shown(theirs)} there and {shown(ours)} here; name "
                "another folder with --out, or use this one with --force: trials that are the same are kept"
            )

    def _other(self, described: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
        """Return where the search that the folder holds differs from this one; None if it is the same, or none."""
        place = self.path / SEARCH
        if not place.exists():
            return None
        try:
            stored = yaml.safe_load(place.read_text("utf-8"))
        except (ValueError, yaml.YAMLError):
            stored = None
        stored = stored if isinstance(stored, dict) else {}
        for key in described:
            if key not in _MAY_CHANGE and described[key] != stored.get(key):
                return first_difference(key, described[key], stored.get(key))
        return None


def _described(points: Points) -> dict[str, Any]:
    """Return the content of ``search.yaml``: everything by which a search is recognised, and the rest of its file."""
    search, base = points.search, points.base
    said = search.model_dump(mode="json", include={"objectives", "constraints", "sampler", "pruning", "trials"})
    objectives = [{key: value for key, value in each.items() if value} for each in said["objectives"]]
    bounds = {figure: {key: end for key, end in bound.items() if end is not None}
              for figure, bound in said["constraints"].items()}  # fmt: skip
    return {
        "name": search.name,
        "version": version("sfsim"),
        "dry": points.dry,
        "task": points.task,
        "space": {key: dimension.said() for key, dimension in search.space.items()},
        "objectives": objectives,
        "constraints": bounds,
        "algorithm": list(search.algorithm or [entry.label for entry in base.algorithms]),
        "sampler": said["sampler"],
        "trials": search.trials,
        "pruning": said["pruning"],
        "scenario": yaml.safe_load(base.resolved()),
    }


def _yaml(data: Any) -> str:
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))
