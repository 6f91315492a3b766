"""The part of a scenario that says how often a trial writes down how far it is."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, SerializerFunctionWrapHandler, model_serializer, model_validator

from simulator.settings.base import Settings, invalid


class CheckpointSettings(Settings):
    """When a real trial writes a checkpoint, from which it goes on after it was killed; one of these keys.

    Checkpoints change no result. A checkpoint is written at an aggregation, and replaces the one before.
    """

    every: PositiveInt | None = None
    """Aggregations from one checkpoint to the next."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Minutes of real time from one checkpoint to the next, which is written at the first aggregation after that."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        given = {key: getattr(self, key) for key in type(self).model_fields if getattr(self, key) is not None}
        if len(given) != 1:
            problem = f"it needs one key, and has {len(given)}"
            raise invalid([((), given or None, problem, "{every: 1}, {minutes: 5}, or null for no checkpoints")])
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the key that is not given."""
        return {key: value for key, value in write(self).items() if value is not None}


USUAL = CheckpointSettings(minutes=1)
"""What holds where a scenario says nothing."""
