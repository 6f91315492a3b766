"""The contract of an algorithm: what one client does, and how updates meet."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World

__all__ = ["Algorithm", "OwnOrder", "State", "Steps", "UnfitError", "Update"]

FORMER_NAMES = {"whole": "model_for", "views": "evaluated_models", "kinds": "messages", "lacks": "missing_keys"}
Steps = Generator[Any, Any, Any]
State = dict[str, Any]


@dataclass(frozen=True)
class Update:
    """What one client brings: values, a tree of tensors, and how much they count."""

    value: Any
    weight: float


class Algorithm(Settings):
    """One way of training together: what one client does, and how updates meet.

    An algorithm is one file with one class. Its methods are generators that do the tensor work and pay its simulated
    time in the same line; its fields are the keys that its entry in a scenario takes, and its name is how a scenario
    finds it. This is a whole one, in which the server goes only part of the way to its clients' mean::

        class PartOfTheWay(Algorithm):
            '''FedAvg whose server goes only a share of the way to the mean of its clients.'''

            name: ClassVar[str] = "part_of_the_way"
            share: float = Field(0.5, gt=0, le=1)  # {name: part_of_the_way, share: 0.3}

            def messages(self, model, training):  # all that it sends: what training.compression may name
                return Messages(up=("model",), down=("model", *provisioned(model, model.whole)))

            def begin(self, world, task):
                return task.trainable()

            def client(self, world, task, client, state):
                local = client.weights((yield from client.download(state, "model")))
                model = task.part(local)
                yield from client.install(model)  # frozen weights that the device lacks: sent once
                with world.phase("training"):
                    yield from train_epochs(client, model, task.training.local_epochs)
                trained = yield from client.upload(local.release_copy(state), "model")
                return Update(trained, weight=len(client.data))

            def aggregate(self, site, task, state, updates):
                mean = yield from super().aggregate(site, task, state, updates)
                return (yield from site.compute(towards, state, mean, self.share))

    Objects are frozen. What lasts from round to round is the state, which the driver holds, and records of the
    algorithm's own (dataclasses, see ``world.store.Store``) at a client or at the server: ``client.store(Kept).model``.
    Nothing is written down for the sake of accounting: memory is counted from the parts that are used and the tensors
    that live, bytes from what is sent.
    """

    name: ClassVar[str]
    ignores: ClassVar[tuple[str, ...]] = ()
    """Training settings it does not look at: an entry that sets them is refused."""
    ignores_in_part: ClassVar[Mapping[str, str]] = {}
    """Training settings that a part of it does not look at, and in words where: "in its personal model"."""
    missing_keys: ClassVar[Mapping[str, str]] = {}
    """Keys that one may expect of it, as others have them, and why it has none: what an entry with them is told."""
    needs_values: ClassVar[str | None] = None
    """What it decides by the values of tensors, in words: a dry run has none and refuses it by this name."""
    engages_cohort: ClassVar[bool] = True
    """Whether a round's cohort takes part from its beginning to its end; else ``round`` itself writes down who does."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Raise ``TypeError`` for a method or attribute under its former name, which nobody would call."""
        super().__init_subclass__(**keywords)
        for old, new in FORMER_NAMES.items():
            if old in vars(cls):
                raise TypeError(f"{cls.__name__}.{old} is called {new} now")

    def messages(self, model: Staged, training: Training) -> Messages:
        """The names of what it sends, all of it and nothing else, when this model is trained so, on devices that have
        no weights yet: what ``training.compression`` may name.
        """
        return Messages()

    def adapt(self, training: Training) -> Adaptation:
        """How the pre-trained model is made ready: what is trained, and which prompts are added."""
        from simulator.learning.models.adaptation import Adaptation  # here, so that reading a scenario loads no torch

        return Adaptation.of(training)

    def check(self, model: Staged, training: Training) -> None:
        """Raise ``UnfitError`` for a setting that this model does not allow."""

    def begin(self, world: World, task: Task) -> State:
        """The state before the first round."""
        raise NotImplementedError

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        """What one client does with the state; the value is its ``Update``."""
        raise NotImplementedError

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        """The next state, computed at ``site``: the server, or an edge server. Here, the mean by weight."""
        from simulator.learning.training.averaging import weighted_mean

        return (yield from site.compute(weighted_mean, [u.value for u in updates], [u.weight for u in updates]))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        """Name -> tensor of all that was trained: what evaluation looks at. ``client``: the model that this one uses,
        which is its own where it has one, and else what all have: the same tensors, so that they are looked at once.
        """
        return state

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        """The models whose mean accuracy on all test samples is reported: one, unless ``clients`` (those that are
        looked at) have no model in common.
        """
        return [self.model_for(world, task, state)]

    def models_of_trained(
        self,
        world: World,
        task: Task,
        state: State,
        clients: Sequence[Client],
        has_trained: Callable[[Client], bool],
    ) -> list[Mapping[str, Any]]:
        """``evaluated_models`` where each client keeps a model of its own: those of ``clients`` that have trained, or
        of all that have; before anybody has, the one that all begin with."""
        for some in (clients, world.clients):
            if trained := [client for client in some if has_trained(client)]:
                return [self.model_for(world, task, state, client) for client in trained]
        return [self.model_for(world, task, state)]


class OwnOrder(Algorithm):
    """An algorithm with another global order than "clients side by side, then aggregate"."""

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        """One round with this cohort; the value is the next state."""
        raise NotImplementedError
