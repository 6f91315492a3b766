"""The part of a scenario that says how a model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from simulator import catalogue
from simulator.learning.augmentation import Augmentation
from simulator.learning.lora import Lora
from simulator.learning.prompts import Prompts
from simulator.plugins import COMPRESSORS, OPTIMIZERS, SCHEDULES
from simulator.settings import Settings, invalid

if TYPE_CHECKING:
    from simulator.learning.compression.base import Compressor
    from simulator.learning.optimizers import Optimizer
    from simulator.learning.schedules import Schedule
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
        if unfit := self.schedule.unfit(self.rounds):
            key, value, problem, allowed = unfit
            raise invalid([(("schedule", key), value, problem, allowed)])
        return self


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
    below, above = training.get("compression"), overrides.get("compression")
    if isinstance(below, dict) and isinstance(above, dict):  # another method replaces the whole of one
        training = training | {"compression": {kind: x for kind, x in below.items() if not _other(x, above.get(kind))}}
    return catalogue.merge(training, overrides)


def _other(below: Any, above: Any) -> bool:
    """Whether two settings of plug-ins name different ones."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return False
    return "name" in above and above["name"] != below.get("name")


def difference(training: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What `overridden` needs to make `training` of `base`; of a plug-in, all."""
    changed = {key: value for key, value in training.items() if value != base[key]}
    if "compression" in changed:
        before = base["compression"]
        compression = {kind: how for kind, how in training["compression"].items() if before.get(kind, ...) != how}
        changed["compression"] = compression
    return changed
