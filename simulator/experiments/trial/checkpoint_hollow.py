"""A trial without values for a while: what is trained, and the samples, have shapes alone, as in a dry run.

Frozen weights keep their values. No pass is computed with them, since samples without values have none; but what a wire
or a compressor makes of them is made as ever.
"""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from simulator.learning.data.inputs import Inputs
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.shards import Shard
from simulator.learning.models.weights import Weights
from simulator.scheduling.drivers.base import GlobalState

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class Hollow:
    """Takes the values out of a trial in which nothing has happened yet, and gives them back.

    Args:
        world: the world.
        task: the task.

    Attributes:
        inputs: the training samples, with their values.
        backbone: the real tensors of the backbone, by name.
        names: the names of those of them that are hollow meanwhile.
    """

    def __init__(self, world: World, task: Task) -> None:
        self._world, self._task = world, task
        self.inputs: Inputs = world.clients[0].data.inputs
        self.backbone = dict(task.backbone)
        trained = {id(tensor) for tensor in task.trainable().values()}
        trained |= set(map(id, _tensors(world.server.store(GlobalState).value)))
        self.names = frozenset(name for name, tensor in self.backbone.items() if id(tensor) in trained)
        self._shards: dict[Client, Shard] = {client: client.data for client in world.clients}
        self._blanks: dict[int, tuple[Tensor, Tensor]] = {}
        self._frozen = {id(tensor) for name, tensor in self.backbone.items() if name not in self.names}

    def begin(self) -> None:
        """Take the values out."""
        task, blank = self._task, self.inputs.blank()
        for client, shard in self._shards.items():
            client.data = Shard(
                blank, shard.assigned or shard.index, shard.batch_size, shard.seeds, shard.augmentation, shard.chosen
            )
        self._blank = blank
        for site in self._world.sites:
            for record in site.stores.values():
                for field, value in vars(record).items():
                    vars(record)[field] = self._without(value)
        task.backbone.update({name: self._without(self.backbone[name]) for name in self.names})
        task.hollow = True

    def end(self) -> None:
        """Give back the samples and the weights that all trials start from; records stay as they are."""
        for client in self._shards:
            self.fill(client)
            client.task = self._task
        self._task.backbone.update({name: self.backbone[name] for name in self.names})
        self._task.hollow = False

    def fill(self, client: Client) -> None:
        """Give one client its samples back."""
        client.data = self._shards[client]

    def _without(self, value: Any) -> Any:
        """Return a value without those of its tensors that are not frozen; dicts and lists are changed in place."""
        if isinstance(value, Tensor):
            if not value.is_floating_point():
                return value
            if id(value) not in self._blanks:
                self._blanks[id(value)] = value, torch.empty_like(value, device="meta")
            return self._blanks[id(value)][1]
        if isinstance(value, Weights):
            value.update({n: self._without(tensor) for n, tensor in value.items() if id(tensor) not in self._frozen})
        elif isinstance(value, dict):
            value.update({key: self._without(part) for key, part in value.items()})
        elif isinstance(value, list):
            value[:] = map(self._without, value)
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self._without, value))
        elif type(value) is tuple:
            return tuple(map(self._without, value))
        elif isinstance(value, LazyBatch):
            return LazyBatch(self._blank, value.index) if value.source is self.inputs else value
        elif is_dataclass(value) and not isinstance(value, type):
            vars(value).update({key: self._without(part) for key, part in vars(value).items()})
        return value


def _tensors(value: Any) -> list[Tensor]:
    """Return the tensors in dicts, lists and tuples."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
