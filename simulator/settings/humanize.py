"""Numbers as people read them: three significant digits and the unit that fits. SI in, text out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["seconds", "bytes", "flops", "joules", "count", "fraction"]

MISSING = "–"
_PREFIXES = {-6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_SYMBOLS = {"bytes": "B", "flops": "FLOP", "joules": "J", "count": ""}
# Half a byte or half a FLOP does not exist, a thousandth of a joule does.
_SMALLEST = {"bytes": 0, "flops": 0, "joules": -6, "count": 0}
# A unit of time is used from its first number (in seconds) on: 90 s reads better than 1.5 min, 119 min than 1.98 h.
_CLOCK = (
    (172_800.0, 86_400.0, "d"),
    (7_200.0, 3_600.0, "h"),
    (120.0, 60.0, "min"),
    (1.0, 1.0, "s"),
    (1e-3, 1e-3, "ms"),
)


@dataclass(frozen=True)
class Scale:
    """A unit to show numbers in: `shown = value / divisor`, followed by `unit`."""

    divisor: float
    unit: str

    def text(self, value: float) -> str:
        """`value` (SI) in this unit, with the unit: "12.3 MB"."""
        return f"{_significant(value / self.divisor, 3)} {self.unit}".rstrip()


def scale(kind: Kind, magnitude: float) -> Scale:
    """The unit in which a quantity of this size (SI: s, B, FLOP, J, or a fraction) reads best."""
    # Rounded first, so that 999.96 kB becomes 1 MB and not 1,000 kB.
    size = _rounded(abs(magnitude), 3)
    if kind == "fraction":
        return Scale(0.01, "%")
    if kind == "seconds":
        if size == 0:
            return Scale(1.0, "s")
        return next((Scale(divisor, unit) for least, divisor, unit in _CLOCK if size >= least), Scale(1e-6, "µs"))
    exponent = 0 if size == 0 else 3 * math.floor(math.log10(size) / 3 + 1e-12)
    exponent = min(max(exponent, _SMALLEST[kind]), max(_PREFIXES))
    return Scale(10.0**exponent, _PREFIXES[exponent] + _SYMBOLS[kind])


def human(kind: Kind, value: float | None) -> str:
    """`value` (SI) as "12.3 MB", "4.5 min" or "83.1 %"; a dash where there is no value."""
    if value is None or math.isnan(value):
        return MISSING
    return scale(kind, value).text(value)


def human_spread(mean: float, deviation: float, unit: Scale) -> str:
    """A mean and its standard deviation (SI) in one unit, "12.3 ± 0.4 MB"; without a deviation, the mean alone."""
    # A deviation far below the digits shown is noise of the floating point sum, not of the seeds.
    if mean == 0 or math.isnan(deviation) or deviation < 1e-9 * abs(mean):
        return unit.text(mean)
    shown, spread = mean / unit.divisor, deviation / unit.divisor
    # As many decimals as the mean has, but never a deviation of 0.
    decimals = max(0, 2 - math.floor(math.log10(abs(shown))))
    spread = round(spread, decimals) or _rounded(spread, 1)
    return f"{_significant(shown, 3)} ± {_significant(spread, 3)} {unit.unit}".rstrip()


def common_scale(kind: Kind, values: Iterable[float]) -> Scale | None:
    """One unit in which all these (SI) read well, so that they compare at a glance; None if they lie too far apart."""
    sizes = [abs(value) for value in values if value and not math.isnan(value)]
    unit = scale(kind, max(sizes, default=0.0))
    least = 1.0 if kind == "count" else 0.1  # 0.65 min still reads well, 0.65 k things do not
    return unit if min(sizes, default=unit.divisor) >= least * unit.divisor else None


def _rounded(value: float, digits: int) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    return float(f"{value:.{digits - 1}e}")


def _significant(value: float, digits: int) -> str:
    """`value` to so many significant digits, never in scientific notation unless it is out of all proportion."""
    value = _rounded(value, digits)
    if value == 0:
        return "0"
    if not math.isfinite(value) or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
