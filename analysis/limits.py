"""The budgets that end trials in place of a number of rounds, as a scenario says them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from analysis.axes import parse_values
from simulator.settings.humanize import Kind, human

_SAID: dict[str, tuple[Kind, str]] = {
    "seconds": ("seconds", "of simulated time"),
    "updates": ("count", "updates"),
    "bytes": ("bytes", "of traffic"),
}
SETTING = "training.budget"
"""The key of the budget in a scenario."""


class Limit(NamedTuple):
    """What a trial may spend.

    Attributes:
        of: what is limited: seconds, updates or bytes.
        amount: how much, as the scenario says it.
    """

    of: str
    amount: str

    def __str__(self) -> str:
        """Return it in words: "10 min of simulated time"."""
        kind, what = _SAID[self.of]
        (value,) = parse_values([self.amount])
        return f"{human(kind, value) if isinstance(value, float) else self.amount} {what}"


def limits_of(scenario: Mapping[str, Any]) -> list[Limit | None]:
    """Return what ends the trials of each algorithm entry; None where rounds do."""
    shared = _mapping(scenario.get("training")).get("budget")
    entries = [_mapping(entry) for entry in scenario.get("algorithms") or []] or [{}]
    own = (_mapping(entry.get("training")) for entry in entries)
    return [_limit(training.get("budget", shared)) for training in own]


def limited(scenario: Mapping[str, Any], axes: Iterable[str] = ()) -> str:
    """Return what limits all trials: seconds, updates or bytes; empty if rounds end some, or entries differ.

    Args:
        scenario: the scenario, or the base scenario of a sweep.
        axes: the keys that a sweep sets.
    """
    swept = {key for key in axes if "budget" in key.split(".")}
    if swept:
        prefix, _, last = swept.pop().rpartition(".")
        entries = [_mapping(_mapping(entry).get("training")) for entry in scenario.get("algorithms") or []]
        limits = [_limit(entry["budget"]) for entry in entries if "budget" in entry]
        own = {limit.of if limit else "" for limit in limits}
        return last if not swept and prefix == SETTING and last in _SAID and own <= {last} else ""
    found = {limit.of if limit else "" for limit in limits_of(scenario)}
    return found.pop() if len(found) == 1 else ""


def _limit(own: Any) -> Limit | None:
    """Return the limit of an entry, whose own budget replaces the shared one."""
    given = _mapping(own)
    return next((Limit(key, str(given[key])) for key in _SAID if given.get(key) is not None), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
