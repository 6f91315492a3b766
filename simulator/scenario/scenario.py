"""A scenario: the world, the model and the data, and the algorithms to compare, as frozen, validated settings.

`load` reads a YAML file. What the file leaves out is filled in from the hardware catalogue and from the defaults below,
and `Scenario.resolved` writes all of it out. Everything is in SI units: seconds, bytes, FLOP/s, watts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from simulator.scenario.carbon import CarbonSettings
from simulator.scenario.checkpoint import USUAL, CheckpointSettings
from simulator.scenario.evaluation import EvaluationSettings
from simulator.scenario.ignored import in_vain
from simulator.scenario.model import ModelSettings
from simulator.scenario.overrides import difference, overridden
from simulator.scenario.prices import PriceSettings
from simulator.scenario.training import ScheduledTraining
from simulator.scenario.world import WorldSettings
from simulator.settings.base import FolderName, Many, Settings, invalid, refuse_unknown
from simulator.settings.bounds import Seed, Threads
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import FileSettings, read_settings, validated
from simulator.settings.plugin_files import load_file
from simulator.settings.plugins import ALGORITHMS, DATASETS, PARTITIONS, Plugins
from simulator.settings.sources import Source
from simulator.settings.wording import shown
from simulator.settings.yamlfile import plain

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm
    from simulator.learning.data.datasets.base import DataSet
    from simulator.learning.data.partition.base import Partition
else:  # loaded only when a scenario names one: importing this module loads neither torch nor a data set
    Algorithm = DataSet = Partition = Settings

__all__ = ["Scenario", "ScenarioError", "load"]


class DataSettings(Settings):
    """The data set, and how it is partitioned among the devices."""

    source: Annotated[DataSet, DATASETS]
    partition: Annotated[Partition, PARTITIONS] = Field(default={"name": "iid"}, validate_default=True)
    """Which device has which samples."""

    @property
    def name(self) -> str:
        """The name of the data set."""
        return self.source.name

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, data: Any) -> Any:
        return _apart(data, "source", DATASETS, {"partition"})

    @model_serializer(mode="wrap")
    def _together(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data = write(self)
        return {**data.pop("source"), **data}


class Entry(Settings):
    """One algorithm to run."""

    label: FolderName
    """What tables and figures call it; the algorithm's name if left out. Labels differ."""
    training: ScheduledTraining
    """The scenario's training, with what this entry overrides."""
    algorithm: Annotated[Algorithm, ALGORITHMS]

    @property
    def name(self) -> str:
        """The name of the algorithm."""
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
    """What is simulated: one world, in which each algorithm runs once for each seed."""

    kind_of_file = "scenario"
    name: FolderName
    """What the run folder is called after."""
    seeds: Annotated[Many[Seed], Field(min_length=1)] = (0,)
    """The seeds; each algorithm runs once for each of them."""
    threads: Threads = 1
    """The number of threads that torch uses; the results of training depend on it."""
    torch_device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device on which torch computes; "auto" is a GPU if torch finds one, else the processor."""
    target_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """An accuracy for which the results give the time at which it is first reached; null for none."""
    target_loss: Annotated[float, Field(gt=0)] | None = None
    """The same of a loss on the test samples, which is reached by a loss that is no higher; at most one of the two."""
    world: WorldSettings
    """The devices, the server and their links."""
    model: ModelSettings
    """The model that is trained."""
    data: DataSettings
    """The data set, and how it is partitioned among the devices."""
    training: ScheduledTraining
    """How a model is trained, and which clients work when."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How often, and on how many samples, a model is evaluated."""
    prices: PriceSettings | None = None
    """What GPUs, traffic and electricity cost; null: no costs are computed."""
    carbon: CarbonSettings | None = None
    """How much carbon the electricity emits; null: no emissions are computed."""
    checkpoint: CheckpointSettings | None = USUAL
    """When a trial writes a checkpoint, from which it goes on after it was killed; null: never."""
    algorithms: Annotated[Many[Entry], Field(min_length=1)]
    """The algorithms to compare."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a target loss, prices and carbon that there are not, and checkpoints that are as usual."""
        usual = {"target_loss": None, "prices": None, "carbon": None, "checkpoint": USUAL.model_dump()}
        return {key: value for key, value in write(self).items() if key not in usual or value != usual[key]}

    def with_(self, changes: Mapping[str, Any] | None = None, /, **keywords: Any) -> Scenario:
        """Return the scenario with other values of some keys, validated as a file with ``--set`` is.

        Examples:
            >>> scenario = load("scenarios/quickstart.yaml")
            >>> scenario.with_(training__rounds=3, world__server__slots=2).training.rounds
            3
            >>> scenario.with_({"algorithms.SFPrompt.keep_fraction": 0.8}).algorithms[3].algorithm.keep_fraction
            0.8
            >>> scenario.with_(training__rounds=0)
            Traceback (most recent call last):
            simulator.settings.errors.ScenarioError: ...training.rounds is 0: it must be more than 0

        Args:
            changes: values by dotted key, as ``--set`` takes them; an item of a list is named by its index, an
                algorithm also by its label.
            keywords: more values, by keys with two underscores for each dot.

        Raises:
            ScenarioError: there is no such key, or the scenario is not valid with these values.
        """
        source = self._origin()
        for key, value in {**(changes or {}), **{key.replace("__", "."): keywords[key] for key in keywords}}.items():
            if not key.strip(". "):
                raise ScenarioError(f'with "{key}": write a key, such as training.rounds')
            said = f"with {key}={value if isinstance(value, str) else shown(plain(value))}"
            try:
                paths = source.paths(key)
            except ScenarioError as error:
                raise ScenarioError(f"{said}: {error}") from None
            for path in paths:
                source.put(path, value, said)
        return validated(Scenario, source)

    def _origin(self) -> Source:
        """Return a copy of the source; of a scenario that was changed since it was read, a mapping in its place."""
        if self._source and validated(Scenario, self._source) == self:
            return self._source.copy()
        return Source(yaml.safe_load(self.resolved()), name="the scenario")

    def only(self, index: int, seed: int) -> Scenario:
        """Return the same scenario with one of its algorithms and one seed."""
        alone = self.model_copy(update={"algorithms": (self.algorithms[index],), "seeds": (seed,)})
        alone._source = self._source and self._source.only(index)
        return alone

    def calm(self) -> Scenario:
        """Return the same scenario in a world in which nothing goes wrong (``WorldSettings.calm``)."""
        world = self.world.calm()
        return self if world is self.world else self.model_copy(update={"world": world})

    def resolved(self) -> str:
        """Return the scenario as YAML with everything filled in, which `load` reads as an equal scenario."""
        data = self.model_dump(mode="json")
        for entry in data["algorithms"]:
            if overrides := difference(entry.pop("training"), data["training"]):
                entry["training"] = overrides
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the C version, if there is one, is five times as fast
        style: dict[str, Any] = {"sort_keys": False, "default_flow_style": None, "width": 120, "allow_unicode": True}
        return str(yaml.dump(data, Dumper=dumper, **style))

    @model_validator(mode="before")
    @classmethod
    def _merge_training(cls, data: Any) -> Any:
        """Give each algorithm's entry the scenario's training, with the entry's own settings merged in."""
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
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed may be given only once")
        return seeds

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse settings that do not fit each other."""
        problems: list[tuple[tuple[str | int, ...], Any, str, str | None]] = []
        labels = [entry.label.lower() for entry in self.algorithms]  # they name folders, and some systems ignore case
        for index, entry in enumerate(self.algorithms):
            if labels.index(entry.label.lower()) < index:
                problem = "an algorithm above has this label (or name) too: give each its own label"
                problems.append((("algorithms", index, "label"), entry.label, problem, None))
            for key, problem, allowed in in_vain(entry.name, entry.algorithm, entry.training, self.training):
                problems.append((("algorithms", index, "training", key), None, problem, allowed))
        if self.target_accuracy is not None and self.target_loss is not None:
            problem = "there is a target_accuracy, too, and a run has one target: set one of the two to null"
            problems.append((("target_loss",), self.target_loss, problem, None))
        clients = self.world.clients
        if (evaluated := self.evaluation.clients or 1) > clients:
            problem = f"the world has {clients} device{'s' * (clients > 1)}"
            problems.append((("evaluation", "clients"), evaluated, problem, f"1 to {clients}, or null"))
        trainings = [(("algorithms", index), entry.training) for index, entry in enumerate(self.algorithms)]
        for where, training in ((), self.training), *trainings:
            size = self.model.image_size
            if training.augment and training.augment.crop >= size:
                problem = f"images of {size} x {size} pixels can be reflected by less than that"
                problems.append(
                    ((*where, "training", "augment", "crop"), training.augment.crop, problem, f"0 to {size - 1}")
                )
            if (cohort := training.clients_per_round) > clients:
                problem = f"the world has {clients} device{'s' * (clients > 1)}"
                problems.append(((*where, "training", "clients_per_round"), cohort, problem, f"1 to {clients}"))
        if self.prices is not None:
            problems += self.prices.unknown_groups([group.name for group in self.world.devices])
        if problems:
            raise invalid(problems)
        return self


def load(
    path: Path | str | Mapping[str, Any], overrides: Sequence[str] = (), plugins: Sequence[Path | str] = ()
) -> Scenario:
    """Read a scenario from a YAML file, or from a mapping with the same keys.

    Examples:
        >>> scenario = load("scenarios/quickstart.yaml", ["training.rounds=3"])
        >>> scenario.name, scenario.training.rounds
        ('quickstart', 3)

    Args:
        path: the file, or the mapping; relative paths in a file start at its folder.
        overrides: each "KEY=VALUE", as ``--set`` takes them.
        plugins: Python files with algorithms or other choices that the scenario names, as ``--plugin`` takes them.

    Raises:
        ScenarioError: the file, the mapping, an override or a plug-in is wrong; a line for each problem.
    """
    for file in plugins:
        load_file(file)
    return read_settings(Scenario, path, overrides)


def _apart(data: Any, inner: str, kinds: Plugins, ours: set[str]) -> Any:
    """Move the keys of a plug-in, which a file writes beside our own keys, into a mapping of their own.

    Args:
        data: the mapping that was read; anything else is returned as it is.
        inner: the key of the new mapping, "source" or "algorithm".
        kinds: the plug-ins.
        ours: the keys that stay.

    Raises:
        ValidationError: there are keys that neither the plug-in nor we know.
    """
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
