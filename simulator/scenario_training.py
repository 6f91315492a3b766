"""The part of a scenario that says how a model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt

from simulator import catalogue
from simulator.learning.augmentation import Augmentation
from simulator.learning.prompts import Prompts
from simulator.plugins import OPTIMIZERS, SCHEDULES
from simulator.settings import Settings

if TYPE_CHECKING:
    from simulator.learning.optimizers import Optimizer
    from simulator.learning.schedules import Schedule
else:  # found when a scenario names one
    Optimizer = Schedule = Settings


class TrainingSettings(Settings):
    """How a model is trained."""

    rounds: PositiveInt
    clients_per_round: PositiveInt
    batch_size: PositiveInt
    local_epochs: PositiveInt = 1
    train: Literal["full", "linear", "bias", "prompt"] = "full"
    optimizer: Annotated[Optimizer, OPTIMIZERS]
    schedule: Annotated[Schedule, SCHEDULES] = Field(default={"name": "constant"}, validate_default=True)
    prompts: Prompts = Prompts()
    """Where `train` is `prompt`."""
    augment: Augmentation | None = None
    """How images are changed at random while they are trained with; null: not at all."""
    wire_dtype: Literal["fp32", "fp16", "bf16"] = "fp32"
    """What floating tensors are converted to on every link."""


def overridden(training: Any, overrides: Any) -> Any:
    """The plain data of `training` with an entry's `overrides`."""
    if not isinstance(training, dict) or not isinstance(overrides, dict):
        return overrides
    for key, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        below, above = training.get(key), overrides.get(key)
        if not (isinstance(below, dict) and isinstance(above, dict) and "name" in above):
            continue
        if above["name"] != below.get("name"):  # another optimizer: only what both have carries over
            fields = kinds.find(above["name"]).model_fields if above["name"] in kinds.names() else {}
            training = training | {key: {name: value for name, value in below.items() if name in fields}}
    return catalogue.merge(training, overrides)


def difference(training: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What `overridden` needs to make `training` of `base`; of a plug-in, all."""
    return {key: value for key, value in training.items() if value != base[key]}
