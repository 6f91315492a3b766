"""Values of an axis relative to the scenario: a factor on a number, or an amount that is added to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from simulator.experiments.sweep.axes import amount_of, axis_values, written_amount
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from simulator.settings.keys import names_a_link
from simulator.settings.loading import validated
from simulator.settings.sources import Source
from simulator.settings.units import TIMES, quantity_of
from simulator.settings.wording import listed, shown
from simulator.settings.yamlfile import KeyPath

WAYS: tuple[Literal["times", "plus"], ...] = ("times", "plus")


@dataclass(frozen=True)
class Relative:
    """A change of a number of the scenario.

    Attributes:
        way: "times" or "plus".
        by: the factor, or what is added: a number, or a text with a unit.
    """

    way: Literal["times", "plus"]
    by: int | float | str

    def __str__(self) -> str:
        """Return the change as tables show it, such as "×0.2" or "+5 ms"."""
        by = f"{self.by:.15g}" if isinstance(self.by, float) else str(self.by)  # 5 is shown for 5.0
        if self.way == "times":
            return f"{TIMES}{by}"
        return by if by.startswith(("-", "+")) else f"+{by}"

    def of(self, value: Any) -> Any:
        """Return a changed value, in the unit of the value; if that is 0, in the unit of what is added.

        Raises:
            ValueError: the value is no number, or the two have units that do not add up; the text continues the key.
        """
        if isinstance(value, dict):
            raise ValueError(f"has no number of its own, only {listed(value)}: name one of them after a dot")
        try:
            number, unit = amount_of(value)
        except ValueError:
            number, unit = Fraction(0), "none"
        quantity = quantity_of(unit)
        if unit and quantity is None:
            what = "has no value in the scenario" if value is None else f"is {shown(value)} in the scenario"
            raise ValueError(f"{what}, and {self.way} changes only numbers")
        by, its_unit = amount_of(self.by)
        if self.way == "times":
            return written_amount(number * by, unit, isinstance(value, int))
        if quantity is None and not its_unit:
            return written_amount(number + by, "", isinstance(value, int) and isinstance(self.by, int))
        if quantity is None or its_unit not in quantity.units:
            wanted = f"write {quantity.name}, such as {quantity.example}" if quantity else "write it without a unit"
            raise ValueError(f"is {shown(value)} in the scenario, to which {self.by} cannot be added: {wanted}")
        if not number:
            return self.by
        return written_amount(number + by * quantity.units[its_unit] / quantity.units[unit], unit, False)


def values_of(said: Any) -> list[Any]:
    """Return the values of an axis: as ``axis_values`` does, or relative ones from `{times: ...}` or `{plus: ...}`.

    Raises:
        ValueError: as ``axis_values``; or what is relative is no number.
    """
    way = next((way for way in WAYS if isinstance(said, dict) and way in said), None)
    if way is None:
        return axis_values(said, also=WAYS)
    if len(said) > 1:
        raise ValueError("times and plus stand alone, as in {times: [0.2, 1, 5]} or {plus: [0 ms, 50 ms]}")
    inside = said[way]
    changes = axis_values(inside if isinstance(inside, dict | list) else [inside])
    for by in changes:
        _check(way, by)
    relative = [Relative(way, by) for by in changes]
    texts = Counter(map(str, relative))
    if repeated := next((text for text, times in texts.items() if times > 1), None):  # 1 and 1.0 are one factor
        raise ValueError(f"{repeated} is listed twice")
    return relative


def as_said(values: list[Any]) -> Any:
    """Return the values of an axis as plain data from which ``values_of`` makes them again."""
    if all(isinstance(value, Relative) for value in values):
        return {values[0].way: [value.by for value in values]}
    return values


def is_relative(values: list[Any]) -> bool:
    """Return whether the values of an axis are relative to the scenario."""
    return any(isinstance(value, Relative) for value in values)


def change(source: Source, changes: Mapping[str, Relative]) -> None:
    """Change numbers of a source; what the file leaves out has the value of the valid scenario.

    Outer keys are changed first, whatever the order of the axes: with `training.rounds` and
    `algorithms.FL.training.rounds`, FL changes the changed rounds, unless it has its own.

    Args:
        source: the source, which is changed.
        changes: the changes, by dotted key.

    Raises:
        ScenarioError: a key names nothing that can be set, or no number; or the scenario is not valid without the
            changes, where that is needed to know a value.
    """
    places = {key: source.paths(key) for key in changes}
    for key, paths in sorted(places.items(), key=lambda item: min(map(len, item[1]), default=0)):
        relative, scenario = changes[key], None
        for path in paths:
            value = source.at(path)
            if value is None or names_a_link(path, value):
                scenario = scenario or validated(Scenario, source)
                value = _filled_in(scenario, path)
            name = source.key(path) if len(paths) > 1 else key
            try:
                changed = relative.of(value)
            except ValueError as error:
                raise ScenarioError(f"{name} {error}") from None
            except OverflowError:
                raise ScenarioError(f"{name} is too large with {relative}") from None
            source.put(path, changed, f"with {name}={changed}")


def _filled_in(scenario: Scenario, path: KeyPath) -> Any:
    """Return the value at a place of a valid scenario, with its unit; None if there is none."""
    written: Any = scenario.model_dump(mode="json")
    settings: Any = scenario
    for part in path:
        if isinstance(written, list):
            written, settings = written[int(part)], settings[part]
        else:
            written = written.get(part) if isinstance(written, dict) else None
            settings = settings.get(part) if isinstance(settings, dict) else getattr(settings, str(part), None)
    if written is None and isinstance(settings, int | float) and not isinstance(settings, bool):
        return settings  # a number without a unit, which is not written where it has no effect
    return written


def _check(way: Literal["times", "plus"], by: Any) -> None:
    """Raise ``ValueError`` unless a value is a factor, or an amount that can be added."""
    try:
        number, unit = amount_of(by)
        float(number)
        known = quantity_of(unit) is not None if way == "plus" and unit else not unit and not isinstance(by, str)
    except (ValueError, OverflowError):  # no number, or none that a computer can hold
        known = False
    if not known:
        example = "numbers, such as 0.2" if way == "times" else "amounts, such as 2 or 5 ms"
        kind = "a number" if way == "times" else "an amount"
        raise ValueError(f"{way} takes {example}: {shown(by)} is not {kind}")
