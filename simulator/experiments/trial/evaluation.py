"""Choose whose models are evaluated in a trial, and on which mix of classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from simulator.learning.data.shards import histogram
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm, State
    from simulator.learning.evaluation import Mix, Score
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class Evaluation:
    """Evaluates an algorithm's models on all test samples, and each client's own model on the client's mix of classes.

    A client has taken part in training once it was in a cohort.

    Args:
        clients: all clients of the world.
        classes: the number of classes.
        limit: how many clients are evaluated, always the same ones, whatever the algorithm and the seed; None: all. A
            model that all clients share is evaluated once. Each personal model takes one more pass through the test
            samples.

    Attributes:
        clients: the clients that are evaluated.
    """

    def __init__(self, clients: Sequence[Client], classes: int, limit: int | None = None) -> None:
        order = Seeds(0).stream("evaluated clients").permutation(len(clients))
        self.clients = [clients[index] for index in sorted(order[:limit])]
        self._classes = classes

    @cached_property
    def _mixes(self) -> list[Mix]:
        return [histogram(client.data.labels, self._classes) for client in self.clients]

    def score(self, algorithm: Algorithm, world: World, task: Task, state: State) -> Score | None:
        """Evaluate the models of an algorithm in its present state; return None in a dry run.

        Args:
            algorithm: the algorithm.
            world: the world in which it runs.
            task: the task with the test samples.
            state: the algorithm's state after a round.
        """
        if task.dry:
            return None
        views = algorithm.evaluated_models(world, task, state, self.clients)
        own = [algorithm.model_for(world, task, state, client) for client in self.clients]
        took_part = [client.round_index > 0 for client in self.clients]
        return task.evaluate(views, list(zip(own, self._mixes, strict=True)), took_part)
