"""The hierarchical driver: edges serve and average the clients behind them, and the server averages the edges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator

from simulator.accounting.ledger import AttemptRow
from simulator.accounting.payload import tree_bytes
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.scheduling.drivers.base import refuse_own_order
from simulator.scheduling.drivers.cohorts import Attempts, CohortDriver, number_attempts
from simulator.scheduling.drivers.unfinished import Unfinished
from simulator.settings.base import invalid
from simulator.settings.bounds import Epochs
from simulator.settings.errors import UnfitError
from simulator.world.processes import GONE, Handle
from simulator.world.store import counts_elsewhere

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World

KIND = "model"
"""The kind of payload that the server and the edges send each other."""


class Hierarchical(CohortDriver):
    """Hierarchical federated learning, HierFAVG (Liu et al., 2020; arXiv 1905.06641): edges average the models of their
    clients several times for each time that the cloud averages those of the edges.

    A round is one aggregation at the server. A cohort is selected from all clients. Each edge with clients in it is
    sent the state; then, ``edge_rounds`` times, its clients train from the edge's state, and the edge combines their
    updates into its next state (``Algorithm.combine``), which it sends to the server after the last time. The server
    waits for all edges, and aggregates, each edge weighted by its clients. (The paper counts local steps between
    aggregations at an edge, from memory; here it is a round of the algorithm.)

    What a client otherwise does with the server, it does with the edge directly above it: the edge has the server's
    part of a split model. Edges have the frozen weights from the start. Clients behind no edge do the same with the
    server itself, which combines their updates in place of an edge.

    A client that leaves is not waited for, and takes part in its edge's next round if it is back by then. One that
    leaves before the state has reached its edge has lost an attempt. If all clients of an edge are away before one of
    its rounds, it waits for one of them as long as other edges have rounds to do; then it leaves out those that remain,
    for nothing says that anyone will be back. An edge without any update in the whole round sends nothing.

    Attributes:
        edge_rounds: how many times an edge combines its clients' updates in a round.
        edges: ``aggregate``: as above. ``forward``: edges have the server's part of a split model, but average nothing:
            they send on the whole update of each client, and the server aggregates those of the cohort in its order.
            These are the two servers of SplitFed (Thapa et al., 2022): the main server at the edge, and the fed server
            in the cloud.
    """

    name: ClassVar[str] = "hierarchical"
    needs_edges: ClassVar[bool] = True
    edge_rounds: Epochs = 1
    edges: Literal["aggregate", "forward"] = "aggregate"

    @property
    def rounds_of_client(self) -> int:
        return self.edge_rounds

    def check(self, algorithm: Algorithm, training: Training, devices: int) -> None:
        refuse_own_order(self, algorithm)
        if reason := algorithm.needs_one_server:
            problem = f"{self.name} cannot run {algorithm.name}: {reason}"
            raise UnfitError("name", self.name, problem, "another driver, whose edges only relay")
        if self.edges == "aggregate" and not _means_are_states(algorithm):
            problem = (
                f"{algorithm.name} overrides aggregate but not combine, so nothing says that the mean of its updates "
                "is a state, which edges could go on from"
            )
            raise UnfitError("edges", self.edges, problem, f"forward, or a method combine of {algorithm.name}")

    def hosts(self, world: World) -> list[Site]:
        return list(dict.fromkeys([world.server, *(_edge(world, client) for client in world.clients)]))

    @model_validator(mode="after")
    def _forwards_once(self) -> Self:
        if self.edges == "forward" and self.edge_rounds > 1:
            problem = "edges that only forward updates have nothing to start another round from"
            raise invalid([(("edge_rounds",), self.edge_rounds, problem, "1, or edges: aggregate")])
        return self

    def _round(
        self, algorithm: Algorithm, world: World, task: Task, state: State, cohort: list[Client], number: int
    ) -> Steps:
        members: dict[Site, list[Client]] = {}
        for client in cohort:
            members.setdefault(_edge(world, client), []).append(client)
        unfinished = Unfinished(world)
        branches = [
            _Branch(self, algorithm, world, task, edge, clients, unfinished) for edge, clients in members.items()
        ]
        with _served_by(members), world.round(number, cohort):
            try:
                yield from world.together(*(branch.serve(state, number) for branch in branches))
                updates = {client: update for branch in branches for client, update in branch.results.items()}
                if updates:
                    with world.phase("aggregation"):
                        arrived = [updates[client] for client in cohort if client in updates]
                        state = yield from algorithm.aggregate(world.server, task, state, arrived)
                for branch in branches:
                    branch.use()
            finally:
                for branch in branches:
                    branch.record(number)
        return state


class _Branch:
    """An edge and its clients of a cohort, in one round; or the server and those that are behind no edge.

    Attributes:
        results: what is aggregated at the server, by client; of an edge that averages, under its first client.
    """

    def __init__(
        self,
        driver: Hierarchical,
        algorithm: Algorithm,
        world: World,
        task: Task,
        edge: Site,
        clients: list[Client],
        unfinished: Unfinished,
    ) -> None:
        self._driver, self._algorithm, self._world, self._task = driver, algorithm, world, task
        self._unfinished = unfinished
        unfinished.add(edge)
        self._edge, self._clients, self._remote = edge, clients, edge is not world.server
        self._attempts: list[tuple[Attempts, dict[Client, Update]]] = []
        self._missed: list[AttemptRow] = []  # of clients that left before the state was here
        self.results: dict[Client, Update] = {}

    def serve(self, state: State, number: int) -> Steps:
        """Do the round of this branch.

        Args:
            state: the global state.
            number: the number of the round.
        """
        if self._remote:
            with self._world.phase("model exchange"):
                state = self._keep((yield from self._world.send(self._world.server, self._edge, state, KIND)))
        self._missed = [self._lost(client, number, client.site.away_for) for client in self._absent]
        if self._driver.edges == "forward":
            self.results = yield from self._train(state, number)
            return
        weights: dict[Client, float] = {}
        first = (number - 1) * self._driver.edge_rounds + 1
        for turn in range(first, first + self._driver.edge_rounds):
            if len(self._absent) == len(self._clients):
                back = yield from self._unfinished.await_client(self._edge, self._clients)
                if not back:
                    break
            if turn > first:  # their last attempts are over
                self._world.release(*self._clients)
            updates = yield from self._train(state, turn)
            if updates:
                weights |= {client: update.weight for client, update in updates.items()}
                with self._world.phase("aggregation"):
                    arrived = list(updates.values())
                    combined = yield from self._algorithm.combine(self._edge, self._task, state, arrived)
                _check_is_state(self._algorithm, combined, state)
                state = self._keep(combined)
        self._unfinished.discard(self._edge)
        if weights:
            if self._remote:
                with self._world.phase("model exchange"):
                    state = yield from self._world.send(self._edge, self._world.server, state, KIND)
            self.results = {self._clients[0]: Update(state, sum(weights.values()))}

    def use(self) -> None:
        """Note that the server has aggregated what came from here."""
        for attempts, updates in self._attempts if self.results else ():
            attempts.use(updates)

    def record(self, number: int) -> None:
        """Record what became of all attempts; ``number`` is the round."""
        begun = {row.client for row in self._missed}
        for attempts, _ in self._attempts:
            attempts.record(number)
            begun |= {client.name for client in attempts.jobs}
        waiting = [client for client in self._clients if client.name not in begun]  # the state was on its way
        for row in (*self._missed, *(self._lost(client, number, self._world.current_reason()) for client in waiting)):
            self._world.ledger.attempts.add(row)

    @property
    def _absent(self) -> list[Client]:
        """Those of its clients that are away."""
        return [client for client in self._clients if client.site.away_since is not None]

    def _lost(self, client: Client, number: int, reason: str) -> AttemptRow:
        """Return the row of an attempt that was lost before it began, in a round with this number."""
        number_attempts([client], (number - 1) * self._driver.edge_rounds + 1)
        world = self._world
        return AttemptRow(client.name, client.round_index, world.aggregations, world.now, 0.0, 0, 0, reason)

    def _train(self, state: State, turn: int) -> Steps:
        """Have those clients train that are there; the value is their updates, by client.

        Args:
            state: the edge's state.
            turn: the number of this round among all rounds of an edge.
        """
        world, algorithm = self._world, self._algorithm
        present = [client for client in self._clients if client.site.away_since is None]
        attempts = Attempts(algorithm, world, self._task, state, present, turn)
        updates: dict[Client, Update] = {}
        self._attempts.append((attempts, updates))
        if self._driver.edges == "forward" and self._remote:
            relays = [self._forward(client, job, updates) for client, job in attempts.jobs.items()]
            with world.phase("model exchange"):
                yield from world.together(*relays)
        else:
            updates |= yield from self._driver.gather(algorithm, world, self._task, state, attempts.jobs)
            for client in updates:
                world.note_update(client)
        return updates

    def _forward(self, client: Client, job: Handle, updates: dict[Client, Update]) -> Steps:
        """Wait for the update of a client, and send it on to the server; then it is among the updates."""
        update = yield from job
        if update is not GONE:
            memory, size = self._edge.memory, tree_bytes(update.value, counts_elsewhere)
            memory.wait(size)
            try:
                value = yield from self._world.send(self._edge, self._world.server, update.value, KIND)
            finally:
                memory.wait(-size)
            updates[client] = Update(value, update.weight)
            self._world.note_update(client)

    def _keep(self, state: State) -> State:
        """Return a state that takes up the memory of the edge for as long as it lives."""
        if not self._remote:
            return state
        kept: State = self._edge.memory.keep(state)
        self._edge.memory.wait(0)  # it may be the most that the edge ever has
        return kept


def _edge(world: World, client: Client) -> Site:
    """Return the edge directly above a client, or the server."""
    return world.server if world.tiers is None else world.tiers.above(client.site)


def _means_are_states(algorithm: Algorithm) -> bool:
    """Return whether an algorithm leaves no doubt that what ``combine`` returns is a state.

    If it does not override ``aggregate``, what is combined is the next state anyway.
    """
    owner = {
        name: next(kind for kind in type(algorithm).__mro__ if name in vars(kind)) for name in ("aggregate", "combine")
    }
    says_how = owner["combine"] is not Algorithm and issubclass(owner["combine"], owner["aggregate"])
    return owner["aggregate"] is Algorithm or says_how or algorithm.update_kind is not None


def _check_is_state(algorithm: Algorithm, combined: State, state: State) -> None:
    """Check that what an edge has combined has the keys and shapes of a state.

    Raises:
        UnfitError: it does not.
    """
    shapes, wanted = (
        {name: getattr(value, "shape", None) for name, value in values.items()} for values in (combined, state)
    )
    if shapes != wanted:
        wrong = next(name for name in {**wanted, **shapes} if shapes.get(name, ...) != wanted.get(name, ...))
        problem = f"what combine of {algorithm.name} returns is not a state: {wrong!r} is not what it is in a state"
        raise UnfitError(("training", "driver", "edges"), None, problem, "forward")


@contextmanager
def _served_by(members: dict[Site, list[Client]]) -> Iterator[None]:
    """Have clients do with their edges what they do with the server otherwise, as long as a round lasts."""
    clients: list[Any] = [client for those in members.values() for client in those]
    servers = [client.server for client in clients]
    for edge, those in members.items():
        for client in those:
            client.server = edge
    try:
        yield
    finally:
        for client, server in zip(clients, servers, strict=True):
            client.server = server
