"""The part of a scenario that describes how a model is trained, and which clients work when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simulator.learning.settings import TrainingSettings
from simulator.scheduling.budget import Budget
from simulator.settings.base import Settings
from simulator.settings.plugins import DRIVERS, SELECTIONS

if TYPE_CHECKING:
    from simulator.scheduling.drivers.base import Driver
    from simulator.scheduling.selection.base import Selection
else:  # loaded only when a scenario names one
    Driver = Selection = Settings


class ScheduledTraining(TrainingSettings):
    """How a model is trained, and which clients work when."""

    budget: Budget | None = None
    """What may be spent before a trial ends, in place of `rounds`, which then only the schedule looks at; null: rounds
    end it."""
    driver: Annotated[Driver, DRIVERS] = Field(default={"name": "synchronous"}, validate_default=True)
    """Which clients the server waits for, and when it aggregates."""
    selection: Annotated[Selection, SELECTIONS] = Field(default={"name": "uniform"}, validate_default=True)
    """How the clients that take part in a round are selected."""
