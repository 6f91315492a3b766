"""A budget: what may be spent before a trial ends, in place of a number of rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from simulator.settings.base import Settings, invalid
from simulator.settings.bounds import Count
from simulator.settings.units import Duration, Memory

if TYPE_CHECKING:
    from simulator.world.world import World


class Budget(Settings):
    """What a trial may spend: one of these limits.

    A budget of time ends a trial at that moment, and what is under way then is unfinished; others end it with the first
    aggregation by which they are spent.

    Rounds of different drivers are of different size, so the same number of rounds is no fair comparison. The same
    time, the same number of updates and the same traffic are.

    Attributes:
        seconds: simulated time.
        updates: updates of clients that were aggregated.
        bytes: what was sent, in all transfers: by and to devices, and between edges and the server.
    """

    seconds: Annotated[Duration, Field(gt=0)] | None = None
    updates: Count | None = None
    bytes: Memory | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        given = {key: getattr(self, key) for key in type(self).model_fields if getattr(self, key) is not None}
        if len(given) != 1:
            problem = f"it needs one limit, and has {len(given)}"
            raise invalid([((), given or None, problem, "{seconds: 10 min}, {updates: 200} or {bytes: 500 MB}")])
        return self

    def spent(self, world: World) -> float:
        """Return the share of the budget that has been spent in a world; 1 or more: all of it."""
        amounts: dict[str, Any] = {
            "seconds": world.now - world.start_time,
            "updates": world.updates,
            "bytes": world.bytes_sent,
        }
        return max(amounts[key] / limit for key in amounts if (limit := getattr(self, key)) is not None)
