"""What exists in a trial without its checkpoint: sites, clients, frozen tensors and sources of samples, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from simulator.accounting.payload import FROZEN_WEIGHTS, Frozen
from simulator.learning.data.lazy import CachedFeatures, Rounded
from simulator.transport.encoded import Coded
from simulator.world.clients import Client, Installed
from simulator.world.sites import Site

if TYPE_CHECKING:
    from simulator.learning.data.inputs import Inputs
    from simulator.learning.task import Task
    from simulator.world.world import World


class TrialNames:
    """The names of what a trial has anyway.

    Frozen tensors are those of the backbone, and what the wire makes of them for all devices: ``["frozen", name]`` and
    ``["arrived", name]``. A source of samples is named by what it is computed from.

    Args:
        world: the world.
        task: the task.
        inputs: the training samples.
        backbone: the real tensors of the backbone, by name.
    """

    def __init__(self, world: World, task: Task, inputs: Inputs, backbone: dict[str, Tensor]) -> None:
        self.world, self.task, self.inputs, self.backbone = world, task, inputs, backbone
        self._channel = world.channels.get((FROZEN_WEIGHTS, "down"))
        self._tensors: dict[int, list[Any]] = {}
        choices = getattr(task.test, "choices", None)
        self._choices = None if choices is None else choices.texts

    def look(self) -> None:
        """Look at what there is now, before values are named."""
        self._tensors = {}
        if self._channel is None or isinstance(self._channel, Coded):
            for name in self._sent():
                self._tensors[id(self.arrived(name))] = ["arrived", name]
        self._tensors |= {id(tensor): ["frozen", name] for name, tensor in self.backbone.items()}

    def _sent(self) -> Iterator[str]:
        """Return the names of the frozen tensors that devices have received."""
        sites = [client.site for client in self.world.clients]
        stores = [site.store(Installed).weights for site in sites if Installed in site.stores]
        return iter(dict.fromkeys(name for weights in stores for name in weights))

    def arrived(self, name: str) -> Tensor:
        """Return a tensor of the backbone as devices receive it."""
        tensor, wire, channel = self.backbone[name], self.world.wire, self._channel
        if not isinstance(channel, Coded):
            carried: Tensor = wire.carry(Frozen({name: tensor}))[0][name]
            return carried
        encoded = channel.encode.run(Frozen({name: tensor}))
        arrived, _ = wire.carry(encoded)
        decoded: Tensor = channel.decode.run(arrived, Frozen({name: tensor}))[name]
        return decoded

    def name(self, value: Any) -> list[Any] | None:
        """Return the name of a value; None if it has none."""
        if isinstance(value, Tensor):
            return self._tensors.get(id(value))
        if isinstance(value, Client):
            return ["client", value.name]
        if isinstance(value, Site):
            return ["site", value.name]
        if value is self.inputs:
            return ["train"]
        if value is self.task.test:
            return ["test"]
        if value is not None and value is self._choices:
            return ["choices"]
        if isinstance(value, CachedFeatures):
            return self._name_features(value)
        return None

    def _name_features(self, features: CachedFeatures) -> list[Any] | None:
        inner = self.name(features.source)
        if inner is None:
            return None
        if isinstance(features, Rounded):
            return ["rounded", inner]
        key = next((key for key, one in self.task.model._derived.items() if one is features), None)
        if key is None:
            return None
        names = {name: self.name(tensor) for name, tensor in features.held[1].items()}
        return None if None in names.values() else ["features", inner, key[1], names]

    def find(self, name: list[Any]) -> Any:
        """Return the value of a name."""
        finders: dict[str, Callable[..., Any]] = {
            "frozen": lambda name: self.backbone[name],
            "arrived": self.arrived,
            "client": lambda name: next(client for client in self.world.clients if client.name == name),
            "site": lambda name: next(site for site in self.world.sites if site.name == name),
            "train": lambda: self.inputs,
            "test": lambda: self.task.test,
            "choices": lambda: self._choices,
            "rounded": lambda inner: self.world.wire._round(self.find(inner)),  # type: ignore[attr-defined]
            "features": self._find_features,
        }
        kind, *rest = name
        return finders[kind](*rest)

    def _find_features(self, inner: list[Any], ranges: list[list[int]], names: dict[str, list[Any]]) -> Any:
        tensors = {name: self.find(where) for name, where in names.items()}
        return self.task.model.derived(self.find(inner), tuple((a, b) for a, b in ranges), tensors)

    # Cached features: which rows were computed together, for their values may depend on it in the last digit.

    def caches(self) -> list[Any]:
        """Return the name of each source, whether its rows are cached, which, and how many of them at a time."""
        sources = [rounded for _, rounded in self.world.wire._rounded.values()]  # type: ignore[attr-defined]
        sources += self.task.model._derived.values()
        kept = []
        for source in sources:
            if "remembers" in vars(source) and (name := self.name(source)) is not None:
                groups = source.groups
                rows = torch.cat(groups) if groups else torch.empty(0, dtype=torch.int64)
                kept.append([name, source.remembers, rows, [len(group) for group in groups]])
        return [self.task.model._budget.left, kept]

    def recall(self, caches: list[Any]) -> None:
        """Have the same rows computed together again, when one of them is needed."""
        left, kept = caches
        for name, remembers, rows, lengths in kept:
            source = self.find(name)
            vars(source)["remembers"] = remembers
            source.recall(rows.to(self.inputs.labels.device).split(lengths) if lengths else ())
        self.task.model._budget.left = left
