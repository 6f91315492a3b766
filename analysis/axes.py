"""The axes of a sweep: values as they were written, and the numbers that they stand for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from analysis.scales import LOG_FROM
from simulator.settings.units import AMOUNT, BANDWIDTH, DURATION, ENERGY, MEMORY, POWER, RATE, amount

Value = float | str

# What may be written in a scenario, by what it measures: two of one kind compare. Links and memories share theirs.
_QUANTITIES = (RATE, BANDWIDTH, MEMORY, POWER, ENERGY, DURATION)
_UNITS = {"": ("a number", Fraction(1))} | {
    unit: (quantity.name, factor) for quantity in _QUANTITIES for unit, factor in quantity.units.items()
}


def parse_values(texts: Sequence[str]) -> list[Value]:
    """The values in SI ("20 Mbit/s" is 2.5e6 bytes/s) if all are numbers of one kind; else the texts themselves."""
    read = [_read(text) for text in texts]
    numbers = [found[1] for found in read if found]
    alike = len(numbers) == len(texts) and len({found[0] for found in read if found}) == 1
    return [*numbers] if alike else [*texts]


def _read(text: str) -> tuple[str, float] | None:
    found = amount(text)
    if found is None or found[1] not in _UNITS:
        return None
    number, unit = found
    kind, factor = _UNITS[unit]
    try:
        return kind, float(number * factor)
    except OverflowError:
        return None


@dataclass(frozen=True)
class Axis:
    """One axis of a sweep: its key, and the values it takes, rising where they are numbers and else as first met."""

    key: str
    values: tuple[Value, ...]
    texts: tuple[str, ...]  # the same, as they were written

    @classmethod
    def of(cls, key: str, values: Iterable[Value], texts: Iterable[str]) -> Axis:
        """The axis that takes these values; those that occur again are the same place on it."""
        written: dict[Value, str] = {}
        for value, text in zip(values, texts, strict=True):
            written.setdefault(value, text)
        order = list(written)
        if not any(isinstance(value, str) for value in order):
            order.sort(key=float)
        return cls(key, tuple(order), tuple(written[value] for value in order))

    @property
    def numeric(self) -> bool:
        return not any(isinstance(value, str) for value in self.values)

    @property
    def positions(self) -> list[float]:
        """Where each value stands on a drawn axis: at its number, or one after the other."""
        return [float(value) for value in self.values] if self.numeric else [float(i) for i in range(len(self.values))]

    @property
    def logarithmic(self) -> bool:
        """Whether the values are best drawn by their ratios: they grow by a factor, or span a wide range."""
        places = self.positions
        if not self.numeric or len(places) < 2 or min(places) <= 0:
            return False
        ratios = [after / before for before, after in itertools.pairwise(places)]
        return max(places) > LOG_FROM * min(places) or (len(ratios) > 1 and max(ratios) < 1.05 * min(ratios))

    @property
    def ticks(self) -> tuple[str, ...]:
        """The values to read: mappings without their braces, long decimals cut to three digits, unless two would then
        read the same."""
        short = tuple(_shortened(text) for text in self.texts)
        return short if len(set(short)) == len(short) else self.texts

    def find(self, value: object) -> Value | None:
        """The value of this axis that is meant by a number or by what was written; None if there is none."""
        pairs = list(zip(self.values, self.texts, strict=True))
        named = [own for own, text in pairs if str(value) == text or value == own]
        return named[0] if named else None


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The shortest end of each dotted key that no other key shares: `algorithms.*.head` is `head`."""
    parts = {key: [part for part in key.split(".") if part != "*"] for key in keys}
    names = {}
    for key, own in parts.items():
        others = [other for name, other in parts.items() if name != key]
        lengths = range(1, len(own) + 1)
        length = next((n for n in lengths if not any(other[-n:] == own[-n:] for other in others)), None)
        names[key] = ".".join(own[-length:]) if length else key
    return names


def _shortened(text: str) -> str:
    if text.startswith(("{", "[")):
        return _in_words(text)
    found = AMOUNT.fullmatch(text)
    if found is None or "." not in found[1] or len(found[1]) <= 5 or "e" in found[1].lower():
        return text
    number = float(found[1])
    return f"{number:.0f} {found[2]}".strip() if abs(number) >= 1000 else f"{number:.3g} {found[2]}".strip()


def _in_words(text: str) -> str:
    """A mapping or a list: {"name": "dirichlet", "alpha": 0.1} is "dirichlet, alpha 0.1"; of a list of mappings each is
    its label or its name."""
    try:
        said = json.loads(text)
    except ValueError:
        return text
    if isinstance(said, dict):
        plain = [f"{key} {_plain(value)}" for key, value in said.items()]
        return ", ".join(part.removeprefix("name ") for part in plain) or text
    items = [item.get("label") or item.get("name") or item if isinstance(item, dict) else item for item in said]
    return ", ".join(map(_plain, items)) or text


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
