"""Whose models are looked at when a trial is evaluated, and with what in mind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from simulator.learning.data.images import histogram
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm, State
    from simulator.learning.evaluation import Mix, Score
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class Evaluation:
    """The models of an algorithm on all test samples, and each client's own model on its own mix of classes.

    Args:
        clients: of the world.
        classes: how many there are.
        limit: how many of the clients are looked at, always the same ones, whatever the algorithm and the seed; null:
            all. Where all clients share a model it is looked at once, however many they are; a model of one's own is
            one more pass through the test samples for each client that has one.
    """

    def __init__(self, clients: Sequence[Client], classes: int, limit: int | None = None) -> None:
        order = Seeds(0).stream("evaluated clients").permutation(len(clients))
        self.clients = [clients[index] for index in sorted(order[:limit])]
        self._classes = classes

    @cached_property
    def _mixes(self) -> list[Mix]:
        return [histogram(client.data.labels, self._classes) for client in self.clients]

    def score(self, algorithm: Algorithm, world: World, task: Task, state: State) -> Score | None:
        """How good the models are in this state; None in a dry run."""
        if task.dry:
            return None
        views = algorithm.evaluated_models(world, task, state, self.clients)
        own = [algorithm.model_for(world, task, state, client) for client in self.clients]
        return task.evaluate(views, list(zip(own, self._mixes, strict=True)))
