"""A link whose rate was recorded."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, PlainValidator, Strict, WithJsonSchema, model_validator

from simulator.settings.base import LocalPath, Many, invalid
from simulator.settings.errors import UnfitError
from simulator.settings.units import BANDWIDTH, DURATION, Duration, Quantity
from simulator.settings.wording import shown
from simulator.world.signals.base import Signal, Sojourn, Varying, pause_or_sense
from simulator.world.signals.sampled import Piecewise, Repeating, merged

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

MOST_FACTOR = 1e9
LINK_RATE = replace(BANDWIDTH, positive=False)
"""The rate of a link at a moment, which may be 0."""


class Absolute(NamedTuple):
    """What a trace may give in place of a factor.

    Attributes:
        column: the name of its column in a file.
        quantity: its kind of quantity.
        unit: by what a figure without a unit is divided, to be in SI units.
        of: what a factor is on, in words.
    """

    column: str
    quantity: Quantity
    unit: float
    of: str

    @property
    def headers(self) -> tuple[list[str], list[str]]:
        """The first line that a file may have."""
        return ["seconds", self.column], ["seconds", "factor"]


RATES = Absolute("rate", LINK_RATE, 8.0, "the link's rate, or a rate")


class Columns(NamedTuple):
    """A trace as it was read, without the points that change nothing.

    Attributes:
        moments: in seconds.
        values: what holds from each of them on: rates in bytes/s (or what else is given in SI), or factors.
        absolute: whether they are no factors.
        last: the moment of the last point, whether it changes anything or not.
    """

    moments: tuple[float, ...]
    values: tuple[float, ...]
    absolute: bool
    last: float


def _level(value: Any, absolute: Absolute) -> float | str:
    if isinstance(value, str):
        return absolute.quantity.format(absolute.quantity.parse(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"it must be a factor of at least 0 on {absolute.of} such as {absolute.quantity.example}")
    return _factor(float(value))


def _factor(value: float) -> float:
    if value > MOST_FACTOR:
        raise ValueError(f"a factor is at most {MOST_FACTOR:g}")
    return pause_or_sense(value)


def level(absolute: Absolute) -> tuple[PlainValidator, WithJsonSchema]:
    """Return what validates a factor, or what stands in place of one as text, which stays text."""
    schema = {"anyOf": [{"type": "number", "minimum": 0}, absolute.quantity.json_schema()]}
    return PlainValidator(partial(_level, absolute=absolute)), WithJsonSchema(schema)


Point = Annotated[tuple[Duration, Annotated[float | str, *level(RATES)]], Strict(False)]
"""A moment, and the factor or the rate from then on."""


class Trace(Signal):
    """A recorded rate, from a file or from a list of points: each value holds until the next.

    A file has the columns `seconds,rate` or `seconds,factor`, with this as its first line. Seconds are those of the
    simulated clock. A rate is in bit/s, or has a unit; a factor is on the link's own rate. All devices of a group have
    the same trace, from the same moment on.

    Attributes:
        file: a CSV file, relative to the folder of the scenario.
        points: the trace in place of a file, such as [[0 s, 20 Mbit/s], [10 s, 0.5]]: a moment, and a rate or a factor.
        after: what holds after the end of the trace: its last value, 0, or the trace again from its beginning.
        end: when the trace ends, after its last point; only for `zero` and `repeat`.
    """

    name: ClassVar[str] = "trace"
    absolute: ClassVar[Absolute] = RATES
    file: LocalPath | None = None
    points: Annotated[Many[Point], Field(min_length=1)] | None = None
    after: Literal["hold", "zero", "repeat"] = "hold"
    end: Sojourn | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.file is None and self.points is None:
            raise invalid([(("file",), None, "it is missing: a trace needs a file, or points", None)])
        if self.file is not None and self.points is not None:
            raise invalid([(("points",), None, "the trace is in the file already: leave out one of them", None)])
        if self.after == "hold" and self.end is not None:
            problem = "the last value holds for ever (after: hold), so nothing ends there"
            raise invalid([(("end",), DURATION.format(self.end), problem, "after: zero or repeat beside it")])
        if self.after in ("zero", "repeat") and self.end is None:
            problem = f"it is missing: after: {self.after} must know until when the last value holds"
            raise invalid([(("end",), None, problem, None)])
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        before = None
        for index, (moment, _) in enumerate(self.points or ()):
            if problem := _out_of_order(before, moment):
                raise invalid([(("points", index), DURATION.format(moment), problem, None)])
            before = moment
        if before is not None and (problem := self._ends_early(before)):
            raise invalid([(("end",), DURATION.format(self.end or 0.0), problem, None)])
        return self

    def sample(self, seeds: Seeds, link: str, rate: float) -> Varying:
        moments, values, absolute, _ = self.columns(rate)
        unit = rate if absolute else 1.0
        if self.end is not None and self.after == "repeat":
            return Repeating(self.end, moments, values, unit=unit)
        if self.end is not None and self.after == "zero":
            moments, values = merged((*moments, self.end), (*values, 0.0))
        return Piecewise(moments, values, unit)

    def check(self) -> None:
        if self.file is not None and (problem := self._ends_early(_columns_of(self.file, self.absolute).last)):
            raise UnfitError("end", DURATION.format(self.end or 0.0), problem)

    def notices(self) -> Iterator[str]:
        if "after" not in self.model_fields_set:
            last = DURATION.format(self.columns(1.0).last)
            yield f"the trace ends at {last}, and its last value holds after that (after: hold)"

    def _ends_early(self, last: float) -> str:
        return "" if self.end is None or self.end > last else f"the trace has a point at {DURATION.format(last)}"

    def columns(self, rate: float) -> Columns:
        """Return the trace of a link with this nominal rate, in bytes/s.

        Raises:
            UnfitError: the file cannot be read, or is wrong; the message names its line.
        """
        if self.file is not None:
            return _columns_of(self.file, self.absolute)
        points, parse = self.points or (), self.absolute.quantity.parse
        factors = [parse(level) / rate if isinstance(level, str) else level for _, level in points]
        moments = [moment for moment, _ in points]
        return Columns(*merged(moments, factors), absolute=False, last=moments[-1])


def _columns_of(file: str, absolute: Absolute) -> Columns:
    """Return the columns of a file, which is read again only when it has changed.

    Raises:
        UnfitError: the file cannot be read, or is wrong; the message names its line.
    """
    try:
        status = os.stat(file)
        return _read(file, absolute, status.st_mtime_ns, status.st_size)
    except (OSError, UnicodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a CSV file in UTF-8"
        raise UnfitError("file", None, f"{file} cannot be read: {reason}") from error


@lru_cache(maxsize=64)
def _read(file: str, absolute: Absolute, changed: int, size: int) -> Columns:
    with open(file, encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        header = [cell.strip() for cell in next(reader, [])]
        if header not in absolute.headers:
            found = f"it begins with {shown(','.join(header))}" if header else "it is empty"
            raise UnfitError("file", None, f"{file}, line 1: {found}", " or ".join(map(",".join, absolute.headers)))
        form = absolute if header[1] == absolute.column else None
        moments: list[float] = []
        values: list[float] = []
        for row in reader:
            if not row:
                continue
            try:
                moment, value = _row(row, form)
                if problem := _out_of_order(moments[-1] if moments else None, moment):
                    raise ValueError(problem)
            except ValueError as error:
                raise UnfitError("file", None, f"{file}, line {reader.line_num}: {error}") from error
            moments.append(moment)
            values.append(value)
    if not moments:
        raise UnfitError("file", None, f"{file} has no line after its first: the trace is empty")
    return Columns(*merged(moments, values), absolute=form is not None, last=moments[-1])


def _row(row: Sequence[str], absolute: Absolute | None) -> tuple[float, float]:
    """Return the moment and the value of a line; raise ``ValueError`` if it has no such figures."""
    if len(row) != 2:
        raise ValueError(f"it must hold two figures, not {len(row)}")
    value = _number(row[1])
    if absolute is not None:
        value = absolute.quantity.parse(row[1]) if value is None else value / absolute.unit
    moment = _number(row[0])
    for cell, figure in zip(row, (moment, value), strict=True):
        if figure is None or not 0 <= figure < math.inf:
            raise ValueError(f"{shown(cell)} must be a number of at least 0")
    assert moment is not None
    assert value is not None
    DURATION.check(moment)
    if absolute is None:
        _factor(value)
    else:
        absolute.quantity.check(value)
    return moment, value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _out_of_order(before: float | None, moment: float) -> str:
    """Return what is wrong with the next moment of a trace, in words; an empty text if nothing is."""
    if before is None:
        return "the trace must start at 0 s, or nobody knows what holds until then" if moment else ""
    if moment == before:
        return f"the moment before it is {DURATION.format(before)} too"
    return f"the trace runs backwards: the moment before it is {DURATION.format(before)}" if moment < before else ""
