"""The settings of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.learning.data.augmentation import Augmentation
from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.settings.base import Settings
from simulator.settings.bounds import BatchSize, Devices, Epochs, Rounds
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import COMPRESSORS, OPTIMIZERS, SCHEDULES

if TYPE_CHECKING:
    from simulator.learning.compression.base import Compressor
    from simulator.learning.optimizers.base import Optimizer
    from simulator.learning.schedules.base import Schedule
else:  # the plug-ins are imported only when a scenario names one
    Compressor = Optimizer = Schedule = Settings


class TrainingSettings(Settings):
    """How a model is trained: rounds, cohorts, local training, and what is done to the payloads on the links."""

    rounds: Rounds
    """How many rounds are run."""
    clients_per_round: Devices
    """The size of a cohort: how many devices take part in a round."""
    batch_size: BatchSize
    """Samples in a batch on one device; the last batch of an epoch may be smaller."""
    local_epochs: Epochs = 1
    """How many times a device goes through its samples in a round."""
    train: Literal["full", "linear", "bias", "prompt", "lora"] = "full"
    """Which parameters are trained: all of them (`full`), the classifier alone (`linear`), or the classifier and the
    biases (`bias`), soft prompts (`prompt`) or LoRA adapters (`lora`). The head of a language model that predicts the
    next token is published and not new: these three leave it as it is."""
    optimizer: Annotated[Optimizer, OPTIMIZERS]
    """The rule that turns gradients into steps, with its learning rate."""
    schedule: Annotated[Schedule, SCHEDULES] = Field(default={"name": "constant"}, validate_default=True)
    """How the learning rate changes from round to round."""
    prompts: Prompts = Prompts()
    """The soft prompts, where `train` is `prompt`."""
    lora: Lora = Lora()
    """The adapters, where `train` is `lora` and in algorithms that are built on LoRA."""
    augment: Augmentation | None = None
    """How training images are augmented at random; null: not at all."""
    wire_dtype: Literal["fp32", "fp16", "bf16"] = "fp32"
    """The type to which floating-point tensors are converted on every link."""
    compression: dict[str, Annotated[Compressor, COMPRESSORS] | None] = Field(default={})
    """How payloads are compressed, by their kind: `KIND up` for what devices send, `KIND down` for what they are sent,
    `KIND` for both; null: not at all."""

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        try:
            self.schedule.check(self.rounds)
        except UnfitError as error:
            raise error.below("schedule") from None
        return self
