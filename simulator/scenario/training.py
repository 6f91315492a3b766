"""The part of a scenario that says how a model is trained, and who works when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simulator.learning.settings import TrainingSettings
from simulator.settings.base import Settings
from simulator.settings.plugins import DRIVERS, SELECTIONS

if TYPE_CHECKING:
    from simulator.scheduling.drivers.base import Driver
    from simulator.scheduling.selection.base import Selection
else:  # found when a scenario names one
    Driver = Selection = Settings


class ScheduledTraining(TrainingSettings):
    """How a model is trained, and who works when."""

    driver: Annotated[Driver, DRIVERS] = Field(default={"name": "synchronous"}, validate_default=True)
    """Who waits for whom."""
    selection: Annotated[Selection, SELECTIONS] = Field(default={"name": "uniform"}, validate_default=True)
    """Which clients take part in a round."""
