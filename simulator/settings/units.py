"""Quantities with units: text in a scenario, floats in SI units in the program.

Rates are in FLOP/s, bandwidths in bytes/s, power in watts, energy in joules, durations in seconds and memory in bytes;
prices in USD for a second, a byte or a joule, and carbon intensities in kg of CO2 equivalent for a joule.
Links are usually given in bits per second and tensors are counted in bytes: this is the only module that converts.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simulator.settings.bounds import LIMITS
from simulator.settings.wording import near_miss

_NUMBER = r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)"
AMOUNT = re.compile(rf"{_NUMBER}\s*")
"""A number as it was written, with which a quantity begins; its unit, which may be empty, follows."""
MOST_CHARACTERS = 200
"""Of the text of a quantity; a longer one is no quantity, and would take long to read."""
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(text: str) -> tuple[Fraction, str] | None:
    """Return the number and the unit, which may be empty, of a text such as "20 Mbit/s" or "8"; else None."""
    text = text.strip()
    match = AMOUNT.match(text) if len(text) <= MOST_CHARACTERS else None
    if match is None or len(text[match.end() :].split()) > 1:
        return None
    return Fraction(match[1]), text[match.end() :]


def _scaled(unit: str, prefixes: Mapping[str, int], size: Fraction | int = 1) -> dict[str, Fraction]:
    return {prefix + unit: Fraction(factor) * size for prefix, factor in prefixes.items()}


@dataclass(frozen=True, eq=False)  # compared by identity, which leaves it hashable, as `Duration | None` requires
class Quantity:
    """One kind of quantity; in the annotation of a float, it reads and writes a field of settings."""

    name: str
    """Its name with an article, such as "a bandwidth"."""
    units: Mapping[str, Fraction]
    """The SI value of each allowed unit; others are refused: `mbit/s` and `Ms` are slips, not milli and mega."""
    written: tuple[str, ...]
    """The units in which values are written, the largest first; the last one is the SI unit."""
    example: str
    """A valid text, shown in messages."""
    positive: bool = True
    """Whether zero is refused."""
    least: Fraction = Fraction(1)
    """The smallest number that is written in a unit before a smaller unit is taken."""
    note: str = ""
    """What a message about a unit that is not allowed also says."""

    def parse(self, text: object) -> float:
        """Return the SI value of a text such as "20 Mbit/s", rounded once.

        Raises:
            ValueError: it is no text, has no unit or not one of this quantity, is too large for a float, is negative,
                or is zero where only positive values are allowed.
        """
        if isinstance(text, str):
            return self._read(text)
        problem = "has no unit" if isinstance(text, int | float) and not isinstance(text, bool) else "cannot be read"
        raise ValueError(f"it {problem}. {self._wanted}")

    @property
    def _wanted(self) -> str:
        return f"Write {self.name} as a number with a unit, such as {self.example}"

    @lru_cache(maxsize=4096)  # noqa: B019  (quantities live as long as the program, and sweeps read the same texts again and again)
    def _read(self, text: str) -> float:
        parsed, wanted = amount(text), self._wanted
        if parsed is None:
            raise ValueError(f"it cannot be read. {wanted}")
        number, unit = parsed
        if not unit:
            raise ValueError(f"it has no unit. {wanted}")
        if unit not in self.units:
            raise ValueError(f'"{unit}" is not a unit of {self.name.split(maxsplit=1)[1]}{self._hint(unit)} {wanted}')
        if number < 0:
            raise ValueError(f"it is negative. {wanted}")
        try:
            value = float(number * self.units[unit])
        except OverflowError:
            value = math.inf
        if number and not value:
            value = math.ulp(0.0)  # too small to be told from zero
        if value == 0 and self.positive:
            raise ValueError(f"it is zero, and must be more than 0. {wanted}")
        self.check(value)
        return abs(value)  # -0.0 is 0.0

    @lru_cache(maxsize=4096)  # noqa: B019
    def format(self, value: float) -> str:
        """Return the shortest usual text for an SI value, from which `parse` gives exactly this float again."""
        for unit in self.written:
            number = Fraction(value) / self.units[unit]
            if self.least <= number < 10**6 and self.parse(text := f"{float(number):.12g} {unit}") == value:
                return text
        return f"{value!r} {self.written[-1]}" if value else f"0 {self.written[-1]}"

    def check(self, value: float) -> None:
        """Raise ``ValueError`` if an SI value is beyond what makes sense; zero always passes."""
        least, most = LIMITS[self.name]
        if value > most:
            raise ValueError(f"it is too large: {self.name} is at most {most:g} {self.written[-1]}")
        if 0 < value < least:
            zero = "" if self.positive else "0, or "
            raise ValueError(f"it is too small: {self.name} is {zero}at least {least:g} {self.written[-1]}")

    def _hint(self, unit: str) -> str:
        bits = re.fullmatch(r"([kmgtp]?)(b)(?:it|yte)?(ps|/s|ps/s)", unit, re.IGNORECASE)
        if bits and "B/s" in self.units:
            prefix = bits[1].upper().replace("K", "k")
            if bits[3].lower() == "ps/s":  # "per second" twice, by someone who says bits or bytes by the case of the b
                return f": use {prefix}{'bit' if bits[2] == 'b' else 'B'}/s."
            return f": use {prefix}bit/s for bits or {prefix}B/s for bytes."
        if unit.lower().endswith("flops"):
            return f": use {unit[:-5]}FLOP/s."
        return self.note or near_miss(unit, self.units) or "."

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(self.format)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.json_schema()

    def json_schema(self) -> JsonSchemaValue:
        """Return the JSON Schema of the texts that are allowed, for an editor to check."""
        units = "|".join(sorted(self.units))
        pattern = rf"^\s*{_NUMBER}\s*({units})\s*$"
        return {"type": "string", "pattern": pattern, "description": self.name, "examples": [self.example]}


_BYTES = _scaled("B", _DECIMAL) | _scaled("B", _BINARY)
_BYTES_PER_S = {f"{unit}/s": size for unit, size in (_scaled("bit", _DECIMAL, Fraction(1, 8)) | _BYTES).items()}

RATE = Quantity(
    "a computing rate",
    _scaled("FLOP/s", _DECIMAL),
    ("PFLOP/s", "TFLOP/s", "GFLOP/s", "MFLOP/s", "FLOP/s"),
    "13.5 GFLOP/s",
)
BANDWIDTH = Quantity(
    "a bandwidth",
    _BYTES_PER_S,
    ("Gbit/s", "Mbit/s", "kbit/s", "bit/s", "B/s"),
    "20 Mbit/s",
)
MEMORY_BANDWIDTH = Quantity("a memory bandwidth", _BYTES_PER_S, ("GB/s", "MB/s", "kB/s", "B/s"), "4 GB/s")
MEMORY = Quantity("a memory size", _BYTES, ("GiB", "MiB", "GB", "MB", "KiB", "kB", "B"), "4 GiB")
POWER = Quantity(
    "a power",
    {"mW": Fraction(1, 1000), "W": Fraction(1), "kW": Fraction(1000)},
    ("kW", "W", "mW", "W"),
    "7.2 W",
    positive=False,
)
ENERGY = Quantity(
    "an energy",
    {"mJ": Fraction(1, 1000), "J": Fraction(1), "kJ": Fraction(1000), "MJ": Fraction(10**6)}
    | {"Wh": Fraction(3600), "kWh": Fraction(3600 * 1000)},
    ("MJ", "kJ", "J", "mJ", "J"),
    "50 J",
)
DURATION = Quantity(
    "a duration",
    {"us": Fraction(1, 10**6), "µs": Fraction(1, 10**6), "ms": Fraction(1, 1000), "s": Fraction(1)}
    | {"min": Fraction(60), "h": Fraction(3600)},
    ("s", "ms", "us", "s"),
    "25 ms",
    positive=False,
)

PERIOD = replace(DURATION, positive=True)
HOUR_PRICE = Quantity(
    "an hourly price",
    {"USD/h": Fraction(1, 3600), "USD/s": Fraction(1)},
    ("USD/h", "USD/s"),
    "0.70 USD/h",
    positive=False,
    least=Fraction(1, 10**6),
    note=": money is in USD, and time in h or s.",
)
BYTE_PRICE = Quantity(
    "a traffic price",
    {f"USD/{unit}": 1 / size for unit, size in _BYTES.items()},
    ("USD/GB", "USD/B"),
    "0.09 USD/GB",
    positive=False,
    least=Fraction(1, 10**6),
    note=": money is in USD, and traffic in bytes, such as GB (10^9 bytes) or GiB (2^30).",
)
ENERGY_PRICE = Quantity(
    "an energy price",
    {"USD/kWh": Fraction(1, 3_600_000), "USD/MWh": Fraction(1, 3_600_000_000), "USD/J": Fraction(1)},
    ("USD/kWh", "USD/J"),
    "0.10 USD/kWh",
    positive=False,
    least=Fraction(1, 10**6),
    note=": money is in USD, and energy in kWh, MWh or J.",
)
CARBON_INTENSITY = Quantity(
    "a carbon intensity",
    {"g/kWh": Fraction(1, 3_600_000_000), "kg/kWh": Fraction(1, 3_600_000), "kg/MWh": Fraction(1, 3_600_000_000)}
    | {"kg/J": Fraction(1)},
    ("g/kWh", "kg/J"),
    "400 g/kWh",
    positive=False,
    least=Fraction(1, 10**6),
)

QUANTITIES = (RATE, BANDWIDTH, MEMORY, POWER, ENERGY, DURATION, HOUR_PRICE, BYTE_PRICE, ENERGY_PRICE, CARBON_INTENSITY)
"""One quantity for each kind of unit: two values compare if theirs is the same. Links and memory share bandwidths."""
TIMES = "×"
"""How a factor on a value of a scenario begins in a table, such as "×0.2"."""


def quantity_of(unit: str) -> Quantity | None:
    """Return the quantity that a unit is of; None if there is no such unit."""
    return next((quantity for quantity in QUANTITIES if unit in quantity.units), None)


Rate = Annotated[float, RATE]
"""FLOP/s, more than 0."""
Bandwidth = Annotated[float, BANDWIDTH]
"""Bytes/s of a link, more than 0."""
MemoryBandwidth = Annotated[float, MEMORY_BANDWIDTH]
"""Bytes/s of a memory, more than 0."""
Memory = Annotated[float, MEMORY]
"""Bytes, more than 0."""
Power = Annotated[float, POWER]
"""Watts, 0 or more."""
Energy = Annotated[float, ENERGY]
"""Joules, more than 0."""
Duration = Annotated[float, DURATION]
"""Seconds, 0 or more."""
Period = Annotated[float, PERIOD]
"""Seconds, more than 0."""
HourPrice = Annotated[float, HOUR_PRICE]
"""USD/s, 0 or more."""
BytePrice = Annotated[float, BYTE_PRICE]
"""USD/byte, 0 or more."""
