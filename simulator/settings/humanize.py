"""Numbers as people read them: three significant digits and a fitting unit, from SI values to text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["seconds", "bytes", "flops", "joules", "count", "fraction", "usd", "kg"]

MISSING = "–"
_PREFIXES = {-6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_SYMBOLS = {"bytes": "B", "flops": "FLOP", "joules": "J", "count": ""}
# The smallest exponents in use: half a byte or half a FLOP does not exist, a thousandth of a joule does.
_SMALLEST = {"bytes": 0, "flops": 0, "joules": -6, "count": 0}
# (smallest duration shown in the unit, the unit, both in seconds, and its symbol): 90 s reads better than 1.5 min.
_CLOCK = (
    (172_800.0, 86_400.0, "d"),
    (7_200.0, 3_600.0, "h"),
    (120.0, 60.0, "min"),
    (1.0, 1.0, "s"),
    (1e-3, 1e-3, "ms"),
)
# The same of a mass, in kg.
_MASSES = ((1e3, 1e3, "t"), (1.0, 1.0, "kg"), (1e-3, 1e-3, "g"), (1e-6, 1e-6, "mg"))


@dataclass(frozen=True)
class Scale:
    """A unit to show numbers in: `value / divisor`, followed by `unit`.

    Attributes:
        divisor: the unit in SI units.
        unit: its symbol, with the prefix; empty for plain counts.
    """

    divisor: float
    unit: str

    def text(self, value: float) -> str:
        """Return `value` (SI) in this unit, such as "12.3 MB"."""
        return f"{_significant(value / self.divisor, 3)} {self.unit}".rstrip()


def scale(kind: Kind, magnitude: float) -> Scale:
    """Return the unit in which a quantity of this magnitude reads best.

    Args:
        kind: the kind of quantity.
        magnitude: its magnitude in SI units (s, B, FLOP, J, kg), in USD, a count or a fraction.
    """
    # Rounded first, so that 999.96 kB becomes 1 MB and not 1,000 kB.
    size = _rounded(abs(magnitude), 3)
    if kind == "fraction":
        return Scale(0.01, "%")
    if kind == "seconds":
        if size == 0:
            return Scale(1.0, "s")
        return next((Scale(divisor, unit) for start, divisor, unit in _CLOCK if size >= start), Scale(1e-6, "µs"))
    if kind == "usd":
        return Scale(1.0, "USD")
    if kind == "kg":
        if size == 0:
            return Scale(1.0, "kg")
        return next((Scale(divisor, unit) for start, divisor, unit in _MASSES if size >= start), Scale(1e-9, "µg"))
    exponent = 0 if size == 0 else 3 * math.floor(math.log10(size) / 3 + 1e-12)
    exponent = min(max(exponent, _SMALLEST[kind]), max(_PREFIXES))
    return Scale(10.0**exponent, _PREFIXES[exponent] + _SYMBOLS[kind])


def human(kind: Kind, value: float | None) -> str:
    """Return `value` (SI) as "12.3 MB", "4.5 min" or "83.1 %"; a dash if there is no value."""
    if value is None or math.isnan(value):
        return MISSING
    return scale(kind, value).text(value)


def human_spread(mean: float, deviation: float, unit: Scale) -> str:
    """Return a mean and its standard deviation in one unit, such as "12.3 ± 0.4 MB".

    Args:
        mean: the mean, in SI units.
        deviation: the standard deviation, in SI units; if it is NaN or rounding noise, the mean stands alone.
        unit: the unit to show both in.
    """
    # A deviation this far below the mean comes from the rounding of floating-point sums, not from the seeds.
    if mean == 0 or math.isnan(deviation) or deviation < 1e-9 * abs(mean):
        return unit.text(mean)
    shown, spread = mean / unit.divisor, deviation / unit.divisor
    # As many decimals as the mean has, but a deviation is never shown as 0.
    decimals = max(0, 2 - math.floor(math.log10(abs(shown))))
    spread = round(spread, decimals) or _rounded(spread, 1)
    return f"{_significant(shown, 3)} ± {_significant(spread, 3)} {unit.unit}".rstrip()


def common_scale(kind: Kind, values: Iterable[float]) -> Scale | None:
    """Return one unit in which all these values (SI) read well, to compare them at a glance; None if there is none."""
    sizes = [abs(value) for value in values if value and not math.isnan(value)]
    unit = scale(kind, max(sizes, default=0.0))
    smallest = 1.0 if kind == "count" else 0.1  # 0.65 min still reads well, 0.65 k things do not
    return unit if min(sizes, default=unit.divisor) >= smallest * unit.divisor else None


def _rounded(value: float, digits: int) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    return float(f"{value:.{digits - 1}e}")


def _significant(value: float, digits: int) -> str:
    """Return `value` with so many significant digits, in scientific notation only if it is very small or large."""
    value = _rounded(value, digits)
    if value == 0:
        return "0"
    if not math.isfinite(value) or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
