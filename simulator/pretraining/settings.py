"""What a pre-training file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from simulator.learning.data.augmentation import Augmentation
from simulator.scenario.scenario import ModelSettings
from simulator.settings.base import FolderName, Settings, invalid
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.plugins import DATASETS, OPTIMIZERS, SCHEDULES

if TYPE_CHECKING:
    from simulator.learning.data.datasets.base import DataSet
    from simulator.learning.optimizers.base import Optimizer
    from simulator.learning.schedules.base import Schedule
else:  # found when a file names one
    DataSet = Optimizer = Schedule = Settings


class TokenDropping(Settings):
    """In the first epochs each image is seen through a random part of its patches, which costs so much less.

    PatchDropout (Liu et al., 2023). The last epochs show all patches, as scenarios will.

    Attributes:
        rate: the share of patches that is left out.
        epochs: for how long.
    """

    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    epochs: PositiveInt


class Pretraining(FileSettings):
    """One model, one data set, one machine."""

    kind_of_file = "recipe of pre-training"
    name: FolderName
    seed: Annotated[int, Field(ge=0)] = 0
    threads: PositiveInt = 1
    """torch's; what is learned depends on it."""
    torch_device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the forward and backward pass (torch's autocast); weights are fp32. auto: whichever is faster here."""
    model: ModelSettings
    """What to train, from random weights if it is "random" or says `pretrained: false`."""
    data: Annotated[DataSet, DATASETS]
    epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Annotated[Optimizer, OPTIMIZERS]
    schedule: Annotated[Schedule, SCHEDULES] = Field(default={"name": "constant"}, validate_default=True)
    """Counted in steps, not in rounds."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gradient_norm: PositiveFloat | None = None
    """Longer gradients are scaled down to this; null: never."""
    augment: Augmentation | None = None
    """How images are changed at random; null: not at all."""
    drop_tokens: TokenDropping | None = None
    """Of a VisionTransformer; null: every image is seen whole."""
    evaluate_every: PositiveInt = 1
    """Epochs from one look at the test images to the next; after the last one there always is one."""

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        size = self.model.image_size
        if self.augment and self.augment.crop >= size:
            problem = f"images of {size} x {size} pixels can be reflected by less than that"
            raise invalid([(("augment", "crop"), self.augment.crop, problem, f"0 to {size - 1}")])
        return self

    def resolved(self) -> str:
        """YAML with everything filled in, which `load` reads as equal settings."""
        data = self.model_dump(mode="json")
        return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def load(path: Path | str, overrides: Sequence[str] = ()) -> Pretraining:
    """Read a pre-training file; ``overrides`` as ``read_settings`` takes them.

    Raises:
        ScenarioError: all that is wrong with it, a line each.
    """
    return read_settings(Pretraining, path, overrides)
