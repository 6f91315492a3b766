"""The contract of an algorithm: what a client does in a round, and how updates are aggregated."""

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
"""Former names of the contract's methods and attributes, and their present ones."""
Steps = Generator[Any, Any, Any]
"""A process on the simulated clock: it yields events and returns its result, as in ``result = yield from steps``."""
State = dict[str, Any]
"""The global state of an algorithm, passed from one aggregation to the next: usually name -> tensor.

A name begins with the stage of the model that the tensor belongs to, as in ``block0.attn.qkv.weight``.
``task.stages(state)`` sorts a state by stage; ``task.last(state, 2)`` are the entries of the last two blocks, the final
norm and the classifier.
"""


@dataclass(frozen=True)
class Update:
    """A client's contribution to an aggregation.

    Attributes:
        value: a tree of tensors, such as a dict of tensors by name.
        weight: its weight in the mean, usually the number of the client's samples; weights need not sum to 1.
    """

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
            update_kind: ClassVar[str | None] = "model"  # updates are states, so edges may take their mean
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
    """Training settings that it ignores; an entry that sets one of them is refused."""
    ignores_in_part: ClassVar[Mapping[str, str]] = {}
    """Training settings that it ignores in part -> where, as a phrase such as "in its personal model"."""
    missing_keys: ClassVar[Mapping[str, str]] = {}
    """Keys that similar algorithms have and this one lacks -> the reason, which the error for such a key gives."""
    needs_values: ClassVar[str | None] = None
    """The tensor values that its decisions depend on, as a phrase for messages; None if there are none. A dry run has
    no values, so it refuses an algorithm that needs some."""
    reports_losses: ClassVar[bool] = True
    """Whether each client's losses are computed one by one; else a policy that looks at them is refused."""
    update_kind: ClassVar[str | None] = None
    """The kind of payload that a client's update consists of, if it is a state's tensors by name and nothing else, and
    weighs as many as the client has samples. Of such updates a part can be used, too."""
    cuts_model: ClassVar[bool] = False
    """Whether devices and the server have stages apart; then a tensor that two stages share is two, one in each."""
    mixes_batches: ClassVar[bool] = False
    """Whether gradients of several clients' batches are one tensor, so that all their samples must be of one shape."""
    has_routine: ClassVar[bool] = False
    """Whether ``client`` does nothing but send, receive and compute on the device, in every round the same for all
    clients with equally many samples. A dry run then works it out for one of them. The class that defines ``client``
    says it."""
    engages_cohort: ClassVar[bool] = True
    """Whether the cohort takes part for the whole round; otherwise ``round`` itself records who took part, and when."""

    @property
    def needs_cohort(self) -> str | None:
        """What of it needs rounds whose clients are known when they begin (``world.cohort``), as a phrase for messages.

        None: nothing. A driver that has clients of several rounds under way at once refuses an algorithm with needs.
        """
        return None

    @property
    def needs_one_server(self) -> str | None:
        """Why one server must serve all of its clients, as a clause for messages; None: several can share the work.

        A driver that has edges serve their own clients refuses an algorithm with a reason. It is for what the server
        keeps for several clients at once, such as a body that they all train, or for later rounds. It is not for what
        ``aggregate`` keeps: that is done at the server alone.
        """
        return None

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse a subclass that uses a former name, which nothing would call any more.

        Raises:
            TypeError: the subclass defines a method or attribute under its former name.
        """
        super().__init_subclass__(**keywords)
        for old, new in FORMER_NAMES.items():
            if old in vars(cls):
                raise TypeError(f"{cls.__name__}.{old} is called {new} now")

    def messages(self, model: Staged, training: Training) -> Messages:
        """Return the kinds of all payloads that it sends with this model and these settings, and no others.

        Devices are taken to have no weights yet, so provisioning is included. ``training.compression`` may name only
        these kinds.
        """
        return Messages()

    def adapt(self, training: Training) -> Adaptation:
        """Return how the pre-trained model is adapted: what is trained, and which prompts or adapters are added."""
        from simulator.learning.models.adaptation import Adaptation  # imported late: reading a scenario loads no torch

        return Adaptation.of(training)

    def check(self, model: Staged, training: Training) -> None:
        """Check the settings against the model.

        Raises:
            UnfitError: the model or the training settings do not allow one of them.
        """

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        """Return why more slots or GPUs at the server change nothing, as a sentence that says what would help.

        None: the server can serve several of its works at once, or has hardly any.
        """
        return None

    def begin(self, world: World, task: Task) -> State:
        """Return the global state before the first round."""
        raise NotImplementedError

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        """Run one client's part of a round, and return its ``Update``.

        Args:
            world: the clock, the sites and the clients.
            task: the model, its starting weights and the training settings.
            client: the client that trains.
            state: the global state at the start of the round.
        """
        raise NotImplementedError

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        """Return the next global state: by default, what ``combine`` makes of the updates.

        An algorithm that does more than that in it says by ``update_kind`` or by a ``combine`` of its own how edge
        servers combine updates; else it is refused where they do.

        Args:
            site: where the updates are aggregated.
            task: the model, its starting weights and the training settings.
            state: the global state that the round started from.
            updates: those that arrived, in the order of the cohort.
        """
        return (yield from self.combine(site, task, state, updates))

    def combine(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        """Return what the updates of some of the clients come to, as a state: the weighted mean of their values.

        An edge server does this with the updates of its own clients. Its clients may go on from the result, and at last
        the edge sends it to the server as the value of its own update. So it must be a state, with the keys and shapes
        of ``state``, and what ``aggregate`` takes as the value of an update. The mean is, if values are states; where
        they are changes or gradients, it must be added to ``state`` here, and ``aggregate`` must take it as such.
        Whatever else ``aggregate`` does, such as a step of an optimizer, is done once, at the server.

        Args:
            site: where the updates are combined.
            task: the model, its starting weights and the training settings.
            state: the state that these clients started from.
            updates: those that arrived, in the order of the cohort.
        """
        from simulator.learning.training.averaging import weighted_mean

        return (yield from site.compute(weighted_mean, [u.value for u in updates], [u.weight for u in updates]))

    def moved(self, site: Site, task: Task, state: State, update: Update, base: State, weight: float) -> Steps:
        """Return an update as it would be if the client had started from the present state.

        By default, its value becomes ``state + weight * (value - base)``, tensor by tensor. A driver calls this where
        updates meet a state that is not the one they started from.

        Args:
            site: where the updates are aggregated.
            task: the model, its starting weights and the training settings.
            state: the present global state.
            update: the update of a client.
            base: the global state that the client started from.
            weight: how much of its change counts, in (0, 1].
        """
        from simulator.learning.training.staleness import moved

        if not isinstance(update.value, dict) or (weight == 1 and base is state):
            return update
        return Update((yield from site.compute(moved, state, update.value, base, weight)), update.weight)

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        """Return the model to evaluate: name -> tensor of everything that is trained.

        Args:
            world: the sites and clients, whose stores may hold parts of the model.
            task: the model, its starting weights and the training settings.
            state: the current global state.
            client: return the model that this client uses: its personal model, if it has one, otherwise the common
                model. The common model must be the same tensor objects for all clients, so that it is evaluated once.
        """
        return state

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        """Return the models whose mean accuracy on the whole test set is reported: one, if there is a common model.

        Args:
            world: the sites and clients, whose stores may hold parts of the models.
            task: the model, its starting weights and the training settings.
            state: the current global state.
            clients: the clients whose models are evaluated, where there is no common model.
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
        """Return the ``evaluated_models`` of an algorithm in which each client keeps its own model.

        These are the models of those in ``clients`` that have trained. If none of them has, they are those of all
        clients that have; before any client has trained, the initial model.

        Args:
            world: the sites and clients, whose stores hold the models.
            task: the model, its starting weights and the training settings.
            state: the current global state.
            clients: the clients whose models are evaluated.
            has_trained: whether a client has a trained model of its own.
        """
        for candidates in (clients, world.clients):
            if trained := [client for client in candidates if has_trained(client)]:
                return [self.model_for(world, task, state, client) for client in trained]
        return [self.model_for(world, task, state)]


class OwnOrder(Algorithm):
    """An algorithm that orders a round itself, rather than "all clients in parallel, then aggregate"."""

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        """Run one round with this cohort, and return the next global state.

        Args:
            world: the clock, the sites and the clients.
            task: the model, its starting weights and the training settings.
            state: the global state at the start of the round.
            cohort: the clients selected for the round.
        """
        raise NotImplementedError
