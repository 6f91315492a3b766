"""The axes of a sweep: their values as written in the sweep file, and the numbers that these stand for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from analysis.scales import LOG_FROM
from simulator.settings.units import AMOUNT, QUANTITIES, TIMES, amount

Value = float | str

_UNITS = {"": ("a number", Fraction(1))} | {
    unit: (quantity.name, factor) for quantity in QUANTITIES for unit, factor in quantity.units.items()
}


def parse_values(texts: Sequence[str]) -> list[Value]:
    """Return values in SI ("20 Mbit/s" is 2.5e6 bytes/s) if all are numbers of one kind; else the texts themselves."""
    quantities = [quantity for text in texts if (quantity := _quantity(text))]
    alike = len(quantities) == len(texts) and len({kind for kind, _ in quantities}) == 1
    return [number for _, number in quantities] if alike else [*texts]


def _quantity(text: str) -> tuple[str, float] | None:
    """Return the kind of a quantity and its value in SI; None if the text is no quantity, or too large for a float.

    A text such as "×0.2" is a factor on what the scenario says.
    """
    if text.startswith(TIMES):
        bare = _quantity(text.removeprefix(TIMES))
        return ("a factor", bare[1]) if bare and bare[0] == _UNITS[""][0] else None
    parsed = amount(text)
    if parsed is None or parsed[1] not in _UNITS:
        return None
    number, unit = parsed
    kind, factor = _UNITS[unit]
    try:
        return kind, float(number * factor)
    except OverflowError:
        return None


def relative_to(base: float, text: str) -> float:
    """Return the number that the value of an axis stands for: "×2" and "+2" are relative to that of the scenario.

    Args:
        base: the number of the scenario.
        text: the value as it was written, a number without a unit.
    """
    if text.startswith(TIMES):
        return base * float(text.removeprefix(TIMES))
    return base + float(text) if text.startswith(("+", "-")) else float(text)


@dataclass(frozen=True)
class Axis:
    """One axis of a sweep.

    Attributes:
        key: the dotted key of the scenario that the axis sets.
        values: the distinct values: numbers (SI) in rising order, or texts in the order in which they first occur.
        texts: the same values as they were written.
    """

    key: str
    values: tuple[Value, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, key: str, values: Iterable[Value], texts: Iterable[str]) -> Axis:
        """Return the axis with these values, each of them once.

        Args:
            key: the dotted key of the scenario.
            values: one per point; they may repeat.
            texts: the same values as written.
        """
        written: dict[Value, str] = {}
        for value, text in zip(values, texts, strict=True):
            written.setdefault(value, text)
        order = list(written)
        if not any(isinstance(value, str) for value in order):
            order.sort(key=float)
        return cls(key, tuple(order), tuple(written[value] for value in order))

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""
        return not any(isinstance(value, str) for value in self.values)

    @property
    def positions(self) -> list[float]:
        """The coordinate of each value on a drawn axis: the number itself, or its index if the values are texts."""
        return [float(value) for value in self.values] if self.numeric else [float(i) for i in range(len(self.values))]

    @property
    def logarithmic(self) -> bool:
        """Whether a logarithmic scale suits the values: they grow by a constant factor, or span a wide range."""
        positions = self.positions
        if not self.numeric or len(positions) < 2 or min(positions) <= 0:
            return False
        ratios = [after / before for before, after in itertools.pairwise(positions)]
        return max(positions) > LOG_FROM * min(positions) or (len(ratios) > 1 and max(ratios) < 1.05 * min(ratios))

    @property
    def ticks(self) -> tuple[str, ...]:
        """The tick labels: without braces and cut to three digits, or as written where two would then read the same."""
        short = tuple(_shortened(text) for text in self.texts)
        return short if len(set(short)) == len(short) else self.texts

    def find(self, value: object) -> Value | None:
        """Return the value of this axis that equals a number (SI) or was written as this text, or None."""
        pairs = list(zip(self.values, self.texts, strict=True))
        matches = [candidate for candidate, text in pairs if str(value) == text or value == candidate]
        return matches[0] if matches else None


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return, by key, the shortest end of each dotted key that no other key shares: `algorithms.*.head` is `head`."""
    split = {key: [part for part in key.split(".") if part != "*"] for key in keys}
    names = {}
    for key, parts in split.items():
        others = [other for name, other in split.items() if name != key]
        lengths = range(1, len(parts) + 1)
        length = next((n for n in lengths if not any(other[-n:] == parts[-n:] for other in others)), None)
        names[key] = ".".join(parts[-length:]) if length else key
    return names


def _shortened(text: str) -> str:
    """Return a value as a tick shows it: braces become words, and long decimals are cut to three digits."""
    if text.startswith(("{", "[")):
        return _in_words(text)
    if text.startswith(TIMES):
        return TIMES + _shortened(text.removeprefix(TIMES))
    match = AMOUNT.match(text)
    if match is None or amount(text) is None or "." not in match[1] or len(match[1]) <= 5 or "e" in match[1].lower():
        return text
    number, unit = float(match[1]), text[match.end() :]
    return f"{number:.0f} {unit}".strip() if abs(number) >= 1000 else f"{number:.3g} {unit}".strip()


def _in_words(text: str) -> str:
    """Write out a mapping or a list in JSON: {"name": "dirichlet", "alpha": 0.1} becomes "dirichlet, alpha 0.1".

    A mapping inside a list is represented by its label or its name.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        plain = [f"{key} {_plain(inner)}" for key, inner in value.items()]
        return ", ".join(part.removeprefix("name ") for part in plain) or text
    items = [item.get("label") or item.get("name") or item if isinstance(item, dict) else item for item in value]
    return ", ".join(map(_plain, items)) or text


def _plain(value: object) -> str:
    """Return an inner value in words: a mapping as its keys with their values, in brackets where there are several."""
    if isinstance(value, dict) and value:
        pairs = ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
        return pairs if len(value) == 1 else f"({pairs})"
    return value if isinstance(value, str) else json.dumps(value)
