"""The settings in a pre-training file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from simulator.learning.data.augmentation import Augmentation
from simulator.scenario.scenario import ModelSettings
from simulator.settings.base import FolderName, Settings, invalid
from simulator.settings.bounds import BatchSize, Count, Epochs, PositiveFactor, Seed, Threads
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.plugins import DATASETS, OPTIMIZERS, SCHEDULES

if TYPE_CHECKING:
    from simulator.learning.data.datasets.base import DataSet
    from simulator.learning.optimizers.base import Optimizer
    from simulator.learning.schedules.base import Schedule
else:  # the families find a plug-in when a file names it
    DataSet = Optimizer = Schedule = Settings


class TokenDropping(Settings):
    """Dropping a random part of each image's patches in the first epochs, which makes them cheaper.

    PatchDropout (Liu et al., 2023). The last epochs show all patches, as scenarios will.

    Attributes:
        rate: the fraction of patches that is dropped.
        epochs: the number of epochs, from the first, in which patches are dropped.
    """

    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    epochs: Epochs


class Pretraining(FileSettings):
    """The recipe of a pre-training: one model, one data set, one machine."""

    kind_of_file = "recipe of pre-training"
    name: FolderName
    """What the folder of the weights is called after."""
    seed: Seed = 0
    """The seed of everything random."""
    threads: Threads = 1
    """The number of torch threads; the weights depend on it."""
    torch_device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device on which torch computes; "auto" is a GPU if torch finds one, else the processor."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of the forward and backward pass (torch's autocast); weights are fp32. auto: whichever is faster on
    this machine."""
    model: ModelSettings
    """The model to train, from random weights if it is "random" or has `pretrained: false`."""
    data: Annotated[DataSet, DATASETS]
    """The data set."""
    epochs: Epochs
    """How many times all training images are seen."""
    batch_size: BatchSize
    """Images in a batch."""
    optimizer: Annotated[Optimizer, OPTIMIZERS]
    """The rule that turns gradients into steps, with its learning rate."""
    schedule: Annotated[Schedule, SCHEDULES] = Field(default={"name": "constant"}, validate_default=True)
    """The learning rate over the training, counted in steps, not in rounds."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the target that is spread evenly over all classes; 0: none."""
    gradient_norm: PositiveFactor | None = None
    """Gradients with a larger norm are scaled down to this norm; null: never."""
    augment: Augmentation | None = None
    """Random augmentation of the training images; null: none."""
    drop_tokens: TokenDropping | None = None
    """Dropping of patches, for a VisionTransformer; null: every image is seen whole."""
    evaluate_every: Count = 1
    """Epochs between two evaluations on the test images; the last epoch is always followed by one."""

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        size = self.model.image_size
        if self.augment and self.augment.crop >= size:
            problem = f"images of {size} x {size} pixels can be reflected by less than that"
            raise invalid([(("augment", "crop"), self.augment.crop, problem, f"0 to {size - 1}")])
        return self

    def resolved(self) -> str:
        """Return YAML with all defaults filled in, which ``load`` reads as equal settings."""
        data = self.model_dump(mode="json")
        return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def load(path: Path | str, overrides: Sequence[str] = ()) -> Pretraining:
    """Read a pre-training file; ``overrides`` as ``read_settings`` takes them.

    Raises:
        ScenarioError: the file is not a valid recipe; the message has a line for each problem.
    """
    return read_settings(Pretraining, path, overrides)
