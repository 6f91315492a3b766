"""Priorities by group of devices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from simulator.scheduling.queues.base import Preempting, group_of
from simulator.settings.base import Many, invalid

if TYPE_CHECKING:
    from simulator.world.queue import Job


class Priority(Preempting):
    """Priorities: works of the group that comes first in ``order`` are served first, and equal ones as they arrived.

    Works that are done for no client, such as an aggregation, come before all; groups that are not named come last.

    Attributes:
        order: groups of devices, from the first to the last.
    """

    name: ClassVar[str] = "priority"
    order: Annotated[Many[str], Field(min_length=1)]

    @property
    def groups(self) -> Iterable[str]:
        return self.order

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = [at for at, group in enumerate(self.order) if group in self.order[:at]]
        if twice:
            raise invalid((("order", at), self.order[at], "this group comes earlier, too", None) for at in twice)
        return self

    def key(self, job: Job) -> int:
        group = group_of(job.client)
        if not group:
            return -1
        return self.order.index(group) if group in self.order else len(self.order)
