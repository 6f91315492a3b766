"""The contract of client selection: which clients take part in a round.

A policy may look at all that the arguments of ``choose`` lead to, above all:

- ``client.data``: its labels and the number of its samples
- ``client.site`` and ``client.server``: hardware, links, memory, what is stored there, and whether the site is away
- ``client.round_index``: with the ``synchronous`` driver, the round for which it was last selected; 0 before
- ``client.fits``, ``client.task``: whether its memory is large enough, and the model with the training settings
- ``client.site.world``: the clock (``now``), all sites, and the ledger of the rounds so far
- ``client.forecast()``: what a round of this client would cost if it took part alone, from a dry run
- ``client.server.store(TheRecord)``: what the policy itself keeps from draw to draw, at the server
- ``losses.ReportedLosses``, in the server's store: the losses of training, for a policy that says ``needs_losses``

The algorithm and the scores of the evaluation cannot be reached. In a dry run, tensors have no values: a policy that
looks at values says ``needs_values``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from numpy.random import Generator

    from simulator.world.clients import Client


class Selection(Settings):
    """A policy that selects the cohort of a round.

    A policy that depends neither on simulated time nor on tensor values selects the same cohorts for all algorithms.
    """

    name: ClassVar[str]
    needs_values: ClassVar[str | None] = None
    """The tensor values that it looks at, as a phrase for messages; None if there are none.

    A dry run has no tensor values, so it refuses such a policy.
    """
    depends_on_time: ClassVar[bool] = False
    """Whether its cohorts depend on simulated or predicted seconds: each algorithm, and each cut, then has its own.

    Where cuts are compared before a run, such a policy is replaced by uniform selection.
    """
    needs_losses: ClassVar[bool] = False
    """Whether it looks at the losses that clients report; they are noted only for a policy that does."""

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        """Return a cohort of ``size`` clients, or fewer if fewer can take part: those that fit and are not away.

        If some can, the cohort has at least one of them: drivers take an empty one as "nobody is here", and wait until
        somebody is back.

        Args:
            clients: the candidates, in the order of the scenario: all clients, or those that are not in flight.
            size: the size of the cohort.
            round: the number of the draw, from 1, which is that of the round where each round has one; all random
                draws are keyed by it.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError


def can_take_part(client: Client) -> bool:
    """Return whether a client can take part now: it fits, and is not away."""
    return client.fits and client.site.away_since is None


def eligible(clients: Iterable[Client]) -> list[Client]:
    """Return the clients that can take part now, in their order: those that fit and are not away."""
    return [client for client in clients if can_take_part(client)]


def select(selection: Selection, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
    """Return the cohort that a policy chooses, after a check that it keeps its contract.

    Args:
        selection: the policy.
        clients, size, round, seeds: as of ``Selection.choose``.

    Raises:
        UnfitError: it chooses nobody although somebody can take part, something that is not among the candidates, or a
            client twice.
    """
    cohort = selection.choose(clients, size, round, seeds) or []
    if not type(selection).__module__.startswith("simulator."):
        candidates, seen = set(map(id, clients)), set[int]()
        for one in cohort:
            if id(one) in seen:
                raise UnfitError(
                    ("training", "selection"), None, f"{selection.name} chose {one!r} twice in round {round}"
                )
            seen.add(id(one))
            if id(one) not in candidates:
                problem = (
                    f"{selection.name} chose {one!r} in round {round}, which is not one of the clients it was given"
                )
                raise UnfitError(("training", "selection"), None, problem)
    if not cohort and size > 0 and (able := len(eligible(clients))):
        problem = f"{selection.name} chose no client in round {round}, though {able} can take part"
        raise UnfitError(("training", "selection"), None, problem, "a cohort of at least one")
    return cohort


def shuffled(clients: Sequence[Client], rng: Generator, size: int | None = None) -> list[Client]:
    """Return the clients that can take part now in random order, all orders being equally likely.

    Who cannot take part is drawn, too, and left out afterwards, so that it does not change the order of the others.

    Args:
        clients: the clients.
        rng: the random stream.
        size: how many are wanted, the first ones; None: all of them.
    """
    order = (clients[index] for index in rng.permutation(len(clients)))
    return list(islice((client for client in order if can_take_part(client)), size))


def weighted(clients: Sequence[Client], weights: Sequence[float], rng: Generator) -> list[Client]:
    """Return the clients that can take part now, drawn one after the other in proportion to their weights.

    It is an exponential race: the time of a client is exponential with its weight as the rate, and the first at the
    finish are the first drawn. Who cannot take part does not change the order of the others.

    Args:
        clients: the clients.
        weights: their weights, at least 0; a client with 0 comes after all others.
        rng: the random stream.
    """
    waits = rng.exponential(size=len(clients))
    times = [float(wait) / weight if weight else inf for wait, weight in zip(waits, weights, strict=True)]
    return eligible(clients[index] for index in sorted(range(len(clients)), key=times.__getitem__))


def predicted_seconds(client: Client) -> float:
    """Return the predicted seconds of the client's next round; its first one includes provisioning."""
    forecast = client.forecast()
    return forecast.seconds if client.round_index else forecast.first_seconds
