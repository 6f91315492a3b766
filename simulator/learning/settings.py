"""The settings of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from simulator.learning.data.augmentation import Augmentation
from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import COMPRESSORS, OPTIMIZERS, SCHEDULES

if TYPE_CHECKING:
    from simulator.learning.compression.base import Compressor
    from simulator.learning.optimizers.base import Optimizer
    from simulator.learning.schedules.base import Schedule
else:  # found when a scenario names one
    Compressor = Optimizer = Schedule = Settings


class TrainingSettings(Settings):
    """How a model is trained."""

    rounds: PositiveInt
    clients_per_round: PositiveInt
    batch_size: PositiveInt
    local_epochs: PositiveInt = 1
    train: Literal["full", "linear", "bias", "prompt", "lora"] = "full"
    optimizer: Annotated[Optimizer, OPTIMIZERS]
    schedule: Annotated[Schedule, SCHEDULES] = Field(default={"name": "constant"}, validate_default=True)
    prompts: Prompts = Prompts()
    """Where `train` is `prompt`."""
    lora: Lora = Lora()
    """Where `train` is `lora`, and in the algorithms that are made of it."""
    augment: Augmentation | None = None
    """How images are changed at random while they are trained with; null: not at all."""
    wire_dtype: Literal["fp32", "fp16", "bf16"] = "fp32"
    """What floating tensors are converted to on every link."""
    compression: dict[str, Annotated[Compressor, COMPRESSORS] | None] = Field(default={})
    """How what is sent is made smaller, by its kind: `KIND up` is what devices send, `KIND down` what they are sent,
    `KIND` both; null: not at all."""

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        try:
            self.schedule.check(self.rounds)
        except UnfitError as error:
            raise error.below("schedule") from None
        return self
