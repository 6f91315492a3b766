"""Devices that come and go as phones did in a trace of FedScale."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from pydantic import model_validator

from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError
from simulator.world.presences.base import Attendance, Presence
from simulator.world.presences.trace import check_stays
from simulator.world.timetable import Timetable

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

CONVERT = (
    "convert it once: python -c \"import json, pickle; json.dump(pickle.load(open('TRACE', 'rb')), "
    "open('trace.json', 'w'))\""
)


class Recorded(NamedTuple):
    """What was recorded of one phone: its stays, (start, end) in seconds, and the seconds after which they recur."""

    stays: list[tuple[float, float]]
    period: float


class FedScale(Presence):
    """Present as the phones in a file of client availability in FedScale's format (Lai et al., 2022, from memory).

    The file is JSON: an object with an entry for each phone, ``{"active": [...], "inactive": [...], "finish_time":
    ...}`` in seconds; further keys, such as ``duration`` and ``model``, are not looked at. A phone is present from each
    moment in ``active`` to the one at the same place in ``inactive``, and all begins again at ``finish_time``. Which
    phone a device is like is drawn at random, the same for all algorithms. FedScale publishes its traces as pickles,
    which can run code when they are read, so they are refused with how to convert them.

    Attributes:
        file: the JSON file, relative to the scenario's folder.
    """

    name: ClassVar[str] = "fedscale"
    file: LocalPath

    @model_validator(mode="after")
    def _readable(self) -> Self:
        self._phones()
        return self

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        phones = self._phones()
        phone = phones[int(seeds.stream("presence", device).integers(len(phones)))]
        return Timetable(phone.stays, phone.period)

    def _phones(self) -> list[Recorded]:
        try:
            return _read(self.file, os.path.getmtime(self.file))
        except OSError as error:
            raise UnfitError("file", self.file, f"it cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UnfitError("file", self.file, f"it cannot be read as a trace of FedScale: {error}") from None


@lru_cache(maxsize=16)
def _read(path: str, changed: float) -> list[Recorded]:
    """Return the phones of a file that was changed last at this time, in the order of the file.

    Raises:
        ValueError: the file is no such trace.
    """
    with open(path, "rb") as file:
        content = file.read()
    if content[:1] == b"\x80":
        raise ValueError(f"it is a pickle, which can run code when it is read; {CONVERT}")
    try:
        phones = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(phones, dict) or not phones:
        raise ValueError("it must be an object with an entry for each phone")
    return [_phone(name, entry) for name, entry in phones.items()]


def _phone(name: str, entry: Any) -> Recorded:
    """Return what was recorded of the phone with this name."""
    try:
        active, inactive, period = entry["active"], entry["inactive"], float(entry["finish_time"])
        stays = [(float(start), float(end)) for start, end in zip(active, inactive, strict=True)]
    except KeyError as error:
        raise ValueError(f"phone {name} lacks {error.args[0]}") from None
    except (TypeError, ValueError):
        problem = "active and inactive must be lists of seconds of the same length, and finish_time a number"
        raise ValueError(f"phone {name}: {problem}") from None
    if not stays:
        raise ValueError(f"phone {name} is never active")
    try:
        check_stays(stays)
    except ValueError as error:
        raise ValueError(f"phone {name}: {error}") from None
    if not stays[-1][1] <= period < float("inf"):
        raise ValueError(f"phone {name}: finish_time is {period:g} s, and its last stay ends at {stays[-1][1]:g} s")
    return Recorded(stays, period)
