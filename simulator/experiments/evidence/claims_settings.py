"""The settings in a file of a claim: what was published, how it is checked, and what decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeFloat, PlainValidator, ValidationInfo, model_validator

from simulator.experiments.sweep.points import Values, written
from simulator.experiments.sweep.settings import Axes
from simulator.settings.base import FolderName, Many, Settings, absolute, invalid
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.plugins import Plugins

if TYPE_CHECKING:
    from simulator.experiments.evidence.measures.base import Measure
else:  # a measure is imported only when a claim names it
    Measure = Settings

MEASURES = Plugins("simulator.experiments.evidence.measures", "Measure", "sfsim.measures")
Problems = list[tuple[tuple[str | int, ...], Any, str, str | None]]


class Published(Settings):
    """Where a claim was published.

    Attributes:
        paper: authors, year and identifier.
        where: the part of it, or the page, from which the claim is known.
        mark: how it is known: S abstract, P public page, G public repository, 3P third party, D derived here, M
            recalled and not verified.
        says: the words of the source, if they are known.
    """

    paper: str
    where: str
    mark: Literal["S", "P", "G", "3P", "D", "M"]
    says: str | None = None


class Figure(Settings):
    """A figure of a claim, and when it holds.

    Attributes:
        label: what it is called on the page.
        set: values of the scenario's dotted keys for this figure alone.
        measure: how it is computed.
        claimed: the published figure; null where the source has a direction only.
        within: the largest distance to ``claimed``.
        within_share: the same, as a share of ``claimed``.
        at_least, at_most: the range in which the figure must be. With neither a tolerance nor a range, the figure is
            shown and decides nothing.
    """

    label: str
    set: dict[str, Any] = Field(default={})
    measure: Annotated[Measure, MEASURES]
    claimed: float | None = None
    within: NonNegativeFloat | None = None
    within_share: NonNegativeFloat | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range in which the figure must be, ends included; None if it decides nothing."""
        if self.claimed is not None and self.within is not None:
            return self.claimed - self.within, self.claimed + self.within
        if self.claimed is not None and self.within_share is not None:
            distance = abs(self.claimed) * self.within_share
            return self.claimed - distance, self.claimed + distance
        if self.at_least is None and self.at_most is None:
            return None
        return _or(self.at_least, -math.inf), _or(self.at_most, math.inf)

    def accepts(self, value: float) -> bool:
        """Return whether a value is in the range in which it must be."""
        low, high = self.bounds or (-math.inf, math.inf)
        return low <= value <= high

    @model_validator(mode="after")
    def _has_one_tolerance(self) -> Self:
        tolerances = [key for key in ("within", "within_share") if getattr(self, key) is not None]
        ranges = [key for key in ("at_least", "at_most") if getattr(self, key) is not None]
        if len(tolerances) == 2 or (tolerances and ranges):
            problem = "a figure has one tolerance: within, within_share, or a range of at_least and at_most"
            raise invalid([((tolerances[0],), getattr(self, tolerances[0]), problem, None)])
        if tolerances and self.claimed is None:
            raise invalid([(("claimed",), None, f"{tolerances[0]} is a distance to it", "the published figure")])
        low, high = self.bounds or (0.0, 0.0)
        if low > high:
            raise invalid([(("at_most",), self.at_most, "it is less than at_least", None)])
        return self


class Condition(Settings):
    """A condition under which the claim is checked.

    Attributes:
        label: what it is called; empty where there is no other.
        set: values of the scenario's dotted keys, or of columns of the file of results.
    """

    label: str = ""
    set: dict[str, Any] = Field(default={})


class NamedCondition(NamedTuple):
    """One condition of all that a claim tries.

    Attributes:
        label: its name in words; empty where it is the only one.
        values: the values of the scenario's keys, or of columns.
    """

    label: str
    values: Values


def _scenario(given: Any, info: ValidationInfo) -> Any:
    if isinstance(given, str):
        return absolute(given, info)
    if isinstance(given, dict):
        return given
    raise ValueError("name the file of a scenario, or write a scenario here")


class Claim(FileSettings):
    """A published claim, and how it is checked."""

    kind_of_file = "claim"
    name: FolderName
    claim: str
    """The claim in a sentence."""
    source: Published
    scenario: Annotated[Any, PlainValidator(_scenario)] = None
    """The scenario that computes the figures: a file, or the scenario itself; null where results are read."""
    set: dict[str, Any] = Field(default={})
    """Values of the scenario's dotted keys that are changed throughout."""
    conditions: Literal["stated", "ours"]
    """Who says under which conditions the claim is to hold: the source, or we. Ours make it "holds if" at best."""
    otherwise: Literal["does not", "not enough said"]
    """The verdict if no condition gives the claimed figures. It is "not enough said" where the source leaves out what
    decides, so that other conditions than those tried may."""
    cases: Annotated[Many[Condition], Field(min_length=1)] = (Condition(),)
    """Conditions that are tried."""
    tried: Axes = Field(default={})
    """Values of dotted keys that are tried in each case, in all combinations."""
    search: Axes = Field(default={})
    """One key with the values, in order, among which those are searched that give all figures at once. Figures must
    rise or fall with it throughout."""
    figures: Annotated[Many[Figure], Field(min_length=1)]
    assumed: Many[str] = ()
    """What is assumed, in sentences: everything that decides and that the source does not say."""
    note: str | None = None

    @property
    def path(self) -> str:
        """The file of the claim."""
        return self._source.path if self._source else self.name

    @property
    def trains(self) -> bool:
        """Whether a figure takes real training."""
        return any(figure.measure.trains for figure in self.figures)

    def all_conditions(self) -> list[NamedCondition]:
        """Return every condition that is tried, in order."""
        short = _short(self.tried)
        return [
            NamedCondition(
                ", ".join(
                    [case.label] * bool(case.label)
                    + [f"{short[key]} {written(value)}" for key, value in zip(self.tried, values, strict=True)]
                ),
                case.set | dict(zip(self.tried, values, strict=True)),
            )
            for case in self.cases
            for values in product(*self.tried.values())
        ]

    @model_validator(mode="after")
    def _can_be_decided(self) -> Self:
        problems: Problems = []
        reads = {figure.measure.reads_scenario for figure in self.figures}
        if len(reads) == 2 or (self.scenario is None) is (True in reads):
            wanted = "a scenario where figures are simulated, none where they are read from a file, never both"
            problems.append((("scenario",), None, "it does not go with the measures", wanted))
        if not any(figure.bounds for figure in self.figures):
            problems.append((("figures",), None, "none of them decides: give one a tolerance or a range", None))
        labels = [figure.label for figure in self.figures]
        if len(set(labels)) < len(labels):
            problems.append((("figures",), None, "two of them have the same label", None))
        if self.source.mark == "M" and self.conditions == "ours" and self.otherwise == "does not":
            wanted = "not enough said: what is only recalled, under conditions of ours, cannot be refuted here"
            problems.append((("otherwise",), self.otherwise, "it is too strong", wanted))
        if len(self.search) > 1:
            problems.append((("search",), None, "one key is searched", "one key and its values, in order"))
        if self.search and any(figure.measure.trains or not figure.measure.reads_scenario for figure in self.figures):
            problems.append((("search",), None, "only dry runs are searched", None))
        for key in (*self.tried, *self.search):
            if any(key in case.set for case in self.cases) or (key in self.tried and key in self.search):
                problems.append((("tried",), key, "a case or the search sets it, too", None))
        if problems:
            raise invalid(problems)
        return self


def load(path: Path | str) -> Claim:
    """Read a file of a claim.

    Raises:
        ScenarioError: the file is not a valid claim, or not named as its claim; a line for each problem.
    """
    claim = read_settings(Claim, path)
    if claim.name != Path(path).stem:
        raise claim.error(("name",), claim.name, "a claim is named as its file", Path(path).stem)
    return claim


def _short(keys: Mapping[str, Any]) -> dict[str, str]:
    """Return the word of each dotted key that says most; the whole key where two have the same."""
    words = {key: telling(key) for key in keys}
    return {key: word if list(words.values()).count(word) == 1 else key for key, word in words.items()}


def telling(key: str) -> str:
    """Return the last word of a dotted key, or the one before if that says little, as in `model.name`."""
    before, _, last = key.rpartition(".")
    return before.rpartition(".")[2] if before and last in ("name", "length", "rate") else last


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
