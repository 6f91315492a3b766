"""Devices that come and go as a CSV file says."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError
from simulator.settings.units import DURATION, Period
from simulator.settings.wording import listed, near_miss
from simulator.world.presences.base import Attendance, Presence
from simulator.world.timetable import Timetable

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

Spells = dict[str, list[tuple[float, float]]]
"""When each device is present: (start, end) in seconds. The key "" stands for every device."""
HEADERS = (["device", "start", "end"], ["start", "end"])


class Trace(Presence):
    """Present as a CSV file says, with the columns ``device,start,end``, or ``start,end`` for a whole group.

    Each row is a stay of a device, in seconds from the start of the trial; the stays of a device are in order and do
    not overlap. Before its first stay, and between them, it is away.

    Attributes:
        file: the CSV file, relative to the scenario's folder.
        after: what holds after a device's last stay: it is ``absent``, it stays ``present``, or the trace is repeated
            (``repeat``).
        period: with ``repeat``, the time after which the trace begins again; null: at the last end in the file.
    """

    name: ClassVar[str] = "trace"
    file: LocalPath
    after: Literal["absent", "present", "repeat"] = "absent"
    period: Period | None = None

    @model_validator(mode="after")
    def _readable(self) -> Self:
        last = self._last(self._spells())
        if self.period is not None and self.after != "repeat":
            raise UnfitError("period", None, "the trace is not repeated", "after: repeat beside it")
        if self.period is not None and self.period < last:
            raise UnfitError("period", None, f"the trace ends at {last:g} s: it would begin again before", "later")
        return self

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        spells = self._spells()
        if not (own := spells.get("") or spells.get(device)):
            problem = f"it has no row for {device}; such a device would never be there"
            raise UnfitError("file", self.file, problem, f"rows for each device of the group; it has {listed(spells)}")
        if self.after == "repeat":
            return Timetable(own, self.period or self._last(spells))
        return Timetable(own, stays_on=self.after == "present")

    def notices(self, devices: Sequence[str]) -> Iterator[str]:
        spells = self._spells()
        if "after" not in self.model_fields_set:
            last = DURATION.format(self._last(spells))
            yield f"the trace ends at {last}, and devices are away after that (after: absent)"
        for name in spells:
            if name and name not in devices:
                yield f'the trace has rows for "{name}", and there is no such device{near_miss(name, devices)}'

    def _spells(self) -> Spells:
        try:
            return _read(self.file, os.path.getmtime(self.file))
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UnfitError("file", self.file, f"it cannot be read as a trace: {reason}") from None

    @staticmethod
    def _last(spells: Spells) -> float:
        return max(stays[-1][1] for stays in spells.values())


@lru_cache(maxsize=16)
def _read(path: str, changed: float) -> Spells:
    """Return the stays of each device in a file that was changed last at this time.

    Raises:
        ValueError: the file is no trace; the message names the line.
    """
    spells: Spells = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        if header not in HEADERS:
            raise ValueError(f"its first line must be {' or '.join(','.join(names) for names in HEADERS)}")
        for row in rows:
            if not row:
                continue
            where = f"line {rows.line_num}"
            if len(row) != len(header):
                raise ValueError(f"{where} has {len(row)} values, and the header has {len(header)}")
            device = row[0].strip() if len(header) == 3 else ""
            if len(header) == 3 and not device:
                raise ValueError(f"{where} names no device")
            spells.setdefault(device, []).append(_stay(row[-2:], spells.get(device), where))
    if not spells:
        raise ValueError("it has no rows, so no device would ever be there")
    return spells


def _stay(texts: list[str], before: list[tuple[float, float]] | None, where: str) -> tuple[float, float]:
    """Return the stay of a row, which must be later than those before it."""
    try:
        start, end = (float(text) for text in texts)
    except ValueError:
        raise ValueError(f"{where}: start and end must be numbers (seconds), not {', '.join(texts)}") from None
    problem = stay_problem(start, end, before[-1] if before else None)
    if problem:
        raise ValueError(f"{where}: {problem}")
    return start, end


def stay_problem(
    start: float, end: float, before: tuple[float, float] | None, one: str = "a stay", several: str = "stays"
) -> str:
    """Return what is wrong with a stay, in words; empty if nothing is.

    Args:
        start, end: its beginning and its end, in seconds.
        before: the stay before it; None if it is the first.
        one, several: what to call it, and them.
    """
    if not (isfinite(start) and isfinite(end) and start >= 0):
        return f"{one} from {start:g} s to {end:g} s is not within a trial: give finite seconds, 0 or more"
    if end <= start:
        return f"{one} ends at {end:g} s, which is not after its start at {start:g} s"
    if before is not None and start < before[0]:
        return f"they run backwards: {one} starts at {start:g} s, after one that starts at {before[0]:g} s"
    if before is not None and start < before[1]:
        return f"{several} overlap: one starts at {start:g} s, before the one above it ends at {before[1]:g} s"
    return ""


def check_stays(stays: Sequence[tuple[float, float]], one: str = "a stay", several: str = "stays") -> None:
    """Check that stays are in order and do not overlap.

    Args:
        stays: (start, end) of each, in seconds.
        one, several: what to call one of them, and all.

    Raises:
        ValueError: they do not; the message says what is wrong.
    """
    before = None
    for stay in stays:
        if problem := stay_problem(*stay, before, one, several):
            raise ValueError(problem)
        before = stay
