"""A link that carries nothing at times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, Strict, model_validator

from simulator.settings.base import Many, invalid
from simulator.settings.units import DURATION, Duration
from simulator.world.signals.base import Signal, Sojourn, Varying
from simulator.world.signals.sampled import Alternating, Piecewise, merged

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

Window = Annotated[tuple[Duration, Duration], Strict(False)]
"""When an outage begins, and when it ends."""


class Outage(Signal):
    """Outages, in which the rate is 0: at random times, or in given windows of time.

    Random outages last, and follow each other, for exponentially distributed times. A link starts in an outage with the
    chance that it has later too.

    Attributes:
        between: the mean time from the end of an outage to the beginning of the next; at least 1 ms.
        duration: the mean time that an outage lasts; at least 1 ms.
        windows: the outages in place of random ones, such as [[10 s, 15 s], [1 min, 2 min]].
    """

    name: ClassVar[str] = "outage"
    between: Sojourn | None = None
    duration: Sojourn | None = None
    windows: Annotated[Many[Window], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = {"between": self.between, "duration": self.duration}
        if self.windows is None:
            if missing := [key for key, value in given.items() if value is None]:
                problem = "it is missing: outages need between and duration, or windows"
                raise invalid(((key,), None, problem, None) for key in missing)
        elif unused := [key for key, value in given.items() if value is not None]:
            raise invalid(((key,), None, "windows say when there are outages, so leave it out", None) for key in unused)
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        problems, latest = [], 0.0
        for index, (begin, end) in enumerate(self.windows or ()):
            if end <= begin:
                problem = "it ends before it has begun" if end < begin else "it ends when it begins"
            elif begin < latest:
                problem = f"it begins before the one above has ended, at {DURATION.format(latest)}"
            else:
                problem = ""
            if problem:
                problems.append(
                    (("windows", index), f"{DURATION.format(begin)} to {DURATION.format(end)}", problem, None)
                )
            latest = max(latest, end)
        if problems:
            raise invalid(problems)
        return self

    def sample(self, seeds: Seeds, link: str, rate: float) -> Varying:
        if self.windows is not None:
            moments = [0.0, *(moment for window in self.windows for moment in window)]
            values = [1.0, *(factor for _ in self.windows for factor in (0.0, 1.0))]
            return Piecewise(*_last_at_each_moment(moments, values))
        assert self.between is not None
        assert self.duration is not None
        return Alternating((1.0, 0.0), (self.between, self.duration), seeds, "signal", link)


def _last_at_each_moment(moments: list[float], values: list[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return moments and values without those that are replaced at once: windows that touch, or one from 0 on."""
    last = dict(zip(moments, values, strict=True))
    return merged(list(last), list(last.values()))
