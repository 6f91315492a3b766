"""A scenario: the world, the model and the data, and the algorithms to compare, as frozen, validated settings.

`load` reads a YAML file. What the file leaves out is filled in, from the hardware catalogue and from the defaults
below, and `Scenario.resolved` writes all of it out. SI units throughout: seconds, bytes, FLOP/s, watts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from simulator.scenario.ignored import in_vain
from simulator.scenario.overrides import difference, overridden
from simulator.scenario.training import ScheduledTraining
from simulator.scenario.world import WorldSettings
from simulator.settings.base import FolderName, LocalPath, Many, Settings, invalid, refuse_unknown
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.plugins import ALGORITHMS, DATASETS, PARTITIONS, Plugins

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm
    from simulator.learning.data.datasets.base import DataSet
    from simulator.learning.data.partition.base import Partition
else:  # found when a scenario names one: reading this module loads neither torch nor a data set
    Algorithm = DataSet = Partition = Settings

__all__ = ["Scenario", "ScenarioError", "load"]


class ModelSettings(Settings):
    """The model: "bundled", "random" (its architecture, untrained), or a VisionTransformer or ResNet that timm knows by
    this name."""

    name: str
    image_size: PositiveInt = 32
    """Pixels, to which images are scaled."""
    pretrained: bool = True
    """Of a timm model: its published weights, else random ones."""
    weights: LocalPath | None = None
    """A file of weights to start from, instead of published or random ones: safetensors, or what torch.save made of a
    state dict; from the scenario's folder. Names and shapes must be the model's; only the classifier may be for another
    number of classes (it is new then), and position embeddings for another image size."""
    keywords: dict[str, Any] = Field(default_factory=dict)
    """Passed to timm, which builds a model of another shape with them: {patch_size: 4, embed_dim: 128, depth: 6}, or
    for a ResNet {layers: [1, 1, 1, 1], norm_layer: groupnorm}."""
    attention: Literal["fused", "math"] = "fused"
    """Whether attention keeps its weights in memory ("math") or not."""


class DataSettings(Settings):
    """The data set, and how it is dealt to the devices."""

    source: Annotated[DataSet, DATASETS]
    partition: Annotated[Partition, PARTITIONS] = Field(default={"name": "iid"}, validate_default=True)

    @property
    def name(self) -> str:
        return self.source.name

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, data: Any) -> Any:
        return _apart(data, "source", DATASETS, {"partition"})

    @model_serializer(mode="wrap")
    def _together(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data = write(self)
        return {**data.pop("source"), **data}


class EvaluationSettings(Settings):
    """How often, and on how many samples, a model is tested; off the simulated clock."""

    every: PositiveInt = 1
    """Rounds from one evaluation to the next."""
    samples: PositiveInt | None = None
    """A fixed subset of this size; all test samples if null."""
    clients: PositiveInt | None = None
    """How many devices' own accuracies are looked at, a fixed subset; all if null. Where devices have models of their
    own, each of them is tested."""


class Entry(Settings):
    """One algorithm to run."""

    label: FolderName
    training: ScheduledTraining
    """The scenario's, with what this entry overrides."""
    algorithm: Annotated[Algorithm, ALGORITHMS]

    @property
    def name(self) -> str:
        return self.algorithm.name

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("name"), str):
            data = {"label": data["name"]} | data
        return _apart(data, "algorithm", ALGORITHMS, {"label", "training"})

    @model_serializer(mode="wrap")
    def _together(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data = write(self)
        own = data.pop("algorithm")
        return {"name": own.pop("name"), "label": data["label"], **own, "training": data["training"]}


class Scenario(FileSettings):
    """What is simulated: one world, and each algorithm once for each seed."""

    kind_of_file = "scenario"
    name: FolderName
    seeds: Annotated[Many[Annotated[int, Field(ge=0)]], Field(min_length=1)] = (0,)
    threads: PositiveInt = 1
    """Of torch; learned figures depend on it."""
    torch_device: Literal["auto", "cpu", "cuda"] = "auto"
    target_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    world: WorldSettings
    model: ModelSettings
    data: DataSettings
    training: ScheduledTraining
    evaluation: EvaluationSettings = EvaluationSettings()
    algorithms: Annotated[Many[Entry], Field(min_length=1)]

    def only(self, index: int, seed: int) -> Scenario:
        """The same with one algorithm and one seed."""
        alone = self.model_copy(update={"algorithms": (self.algorithms[index],), "seeds": (seed,)})
        alone._source = self._source and self._source.only(index)
        return alone

    def resolved(self) -> str:
        """YAML with everything filled in, which `load` reads as an equal scenario."""
        data = self.model_dump(mode="json")
        for entry in data["algorithms"]:
            overrides = difference(entry.pop("training"), data["training"])
            if overrides:
                entry["training"] = overrides
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the former is five times as fast, where it is there
        style: dict[str, Any] = {"sort_keys": False, "default_flow_style": None, "width": 120, "allow_unicode": True}
        return str(yaml.dump(data, Dumper=dumper, **style))

    @model_validator(mode="before")
    @classmethod
    def _each_its_training(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("algorithms"), list):
            return data
        return data | {
            "algorithms": [
                entry | {"training": overridden(data.get("training"), entry.get("training", {}))}
                if isinstance(entry, dict)
                else entry
                for entry in data["algorithms"]
            ]
        }

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed may be named once")
        return seeds

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems: list[tuple[tuple[str | int, ...], Any, str, str | None]] = []
        labels = [entry.label.lower() for entry in self.algorithms]  # folders: some systems ignore case
        for index, entry in enumerate(self.algorithms):
            if labels.index(entry.label.lower()) < index:
                problem = "an algorithm above has this label (or name) too: give each its own label"
                problems.append((("algorithms", index, "label"), entry.label, problem, None))
            for key, problem, allowed in in_vain(entry.name, entry.algorithm, entry.training, self.training):
                problems.append((("algorithms", index, "training", key), None, problem, allowed))
        clients = self.world.clients
        if (watched := self.evaluation.clients or 1) > clients:
            problem = f"the world has {clients} device{'s' * (clients > 1)}"
            problems.append((("evaluation", "clients"), watched, problem, f"1 to {clients}, or null"))
        trainings: list[tuple[tuple[str | int, ...], ScheduledTraining]] = [((), self.training)]
        trainings += [(("algorithms", index), entry.training) for index, entry in enumerate(self.algorithms)]
        for where, training in trainings:
            size = self.model.image_size
            if training.augment and training.augment.crop >= size:
                problem = f"images of {size} x {size} pixels can be reflected by less than that"
                problems.append(
                    ((*where, "training", "augment", "crop"), training.augment.crop, problem, f"0 to {size - 1}")
                )
            if (chosen := training.clients_per_round) > clients:
                problem = f"the world has {clients} device{'s' * (clients > 1)}"
                problems.append(((*where, "training", "clients_per_round"), chosen, problem, f"1 to {clients}"))
        if problems:
            raise invalid(problems)
        return self


def load(path: Path | str, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario from a YAML file; `overrides` as `read_settings` takes them.

    Raises:
        ScenarioError: all that is wrong with it, a line each.
    """
    return read_settings(Scenario, path, overrides)


def _apart(data: Any, inner: str, kinds: Plugins, ours: set[str]) -> Any:
    """Moves the keys of a plug-in, which a file writes beside our own, into a mapping of theirs."""
    if not isinstance(data, dict):
        return data
    if data.get("name") in kinds.names():
        kind, hints = kinds.find(data["name"]), {}
        if inner == "algorithm":
            hints = {key: f'; did you mean "training: {{{key}: ...}}"?' for key in ScheduledTraining.model_fields}
            hints |= {key: f": {why}" for key, why in getattr(kind, "missing_keys", {}).items()}
        refuse_unknown(data, ["name", *kind.model_fields, *sorted(ours)], hints)
    return {key: data[key] for key in ours if key in data} | {
        inner: {key: value for key, value in data.items() if key not in ours}
    }
