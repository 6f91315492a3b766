"""Oort: clients that are useful for learning, and fast enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, isfinite, log, sqrt
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.scheduling.selection.base import Selection, eligible, predicted_seconds, weighted
from simulator.scheduling.selection.losses import ReportedLosses
from simulator.settings.bounds import Count, Factor
from simulator.settings.seeds import Seeds
from simulator.world.store import Store

if TYPE_CHECKING:
    from numpy.random import Generator

    from simulator.world.clients import Client


@dataclass(eq=False)
class Participation(Store):
    """What Oort remembers from draw to draw, in the server's store.

    Attributes:
        last: by client, the draw in which it was last chosen.
        counted: by client, its engagement whose utility is in ``gains``.
        gains: for each draw, the sum of the statistical utilities reported since the draw before.
        steps: how often the pacer has allowed longer rounds.
    """

    last: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    gains: list[float] = field(default_factory=list)
    steps: int = 0


class Oort(Selection):
    """Oort (Lai et al., OSDI 2021, Algorithm 1; from memory, with the constants of the published code): a share of the
    cohort explores clients that have not trained yet, the others are those of the highest utility.

    The statistical utility of a client with B samples is B sqrt(mean of squared losses), where the paper's losses are
    of samples and these are the means of batches in its last engagement. Utilities above their 95th percentile are
    reduced to it, and all are scaled to 0 to 1. To it is added sqrt(0.1 ln R / L) for a client that was last chosen
    in draw L, now R. A client whose predicted round takes t, longer than the preferred T, has (T / t)^penalty of that.
    Among all with at least ``cutoff`` of the utility of the last that would be chosen, clients are drawn in proportion
    to their utility. Clients to explore are drawn in proportion to their speed, 1 / t.

    T is a quantile of t over the clients that have trained. If the utility gained in the last ``window`` draws is below
    that of the ``window`` before, T goes up by ``pace_step``.

    Clients in flight count when they are back. The predicted t is that of a round in which the client takes part alone;
    the paper takes measured times.

    Attributes:
        exploration: the share of the cohort that explores in the first draw.
        exploration_decay: the factor on it from draw to draw.
        exploration_least: the share below which it does not fall.
        penalty: the exponent for clients that are too slow (alpha).
        cutoff: the share of the utility of the last of the best that a client needs.
        pace: the quantile at which T starts.
        pace_step: what the pacer adds to the quantile.
        window: draws between two looks at the pace.
    """

    name: ClassVar[str] = "oort"
    depends_on_time: ClassVar[bool] = True
    needs_values: ClassVar[str | None] = "the losses that clients report"
    needs_losses: ClassVar[bool] = True
    exploration: float = Field(0.9, ge=0, le=1)
    exploration_decay: float = Field(0.98, gt=0, le=1)
    exploration_least: float = Field(0.2, ge=0, le=1)
    penalty: Factor = 2.0
    cutoff: float = Field(0.95, ge=0, le=1)
    pace: float = Field(0.3, ge=0, le=1)
    pace_step: float = Field(0.05, ge=0, le=1)
    window: Count = 20

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        candidates = eligible(clients)
        if not candidates:
            return []
        server, rng = clients[0].server, seeds.stream("cohort", round)
        record, reported = server.store(Participation), server.store(ReportedLosses)
        usefulness = {client: use for client in clients if (use := _statistical(client, reported)) is not None}
        self._keep_pace(record, reported, usefulness, round)
        trained = [client for client in candidates if client in usefulness]
        untried = [client for client in candidates if client not in usefulness]
        share = max(self.exploration_least, self.exploration * self.exploration_decay ** (round - 1))
        explored = min(len(untried), max(int(share * size + rng.random()), size - len(trained)), size)
        chosen = self._best(trained, size - explored, round, record, usefulness, rng)
        chosen += weighted(untried, [1 / max(predicted_seconds(client), 1e-9) for client in untried], rng)[:explored]
        record.last = {**record.last, **{client.name: round for client in chosen}}
        return chosen

    def utilities(
        self, clients: Sequence[Client], round: int, record: Participation, usefulness: Mapping[Client, float]
    ) -> list[float]:
        """Return the utility of each of these clients, all of which have trained.

        Args:
            clients: the clients.
            round: the number of the draw.
            record: what is remembered of earlier draws.
            usefulness: the statistical utility of every client that has trained.
        """
        finite = sorted(value for value in usefulness.values() if isfinite(value)) or [0.0]
        least, most = finite[0], finite[min(int(0.95 * len(finite)), len(finite) - 1)]
        durations = sorted(predicted_seconds(client) for client in usefulness)
        quantile = min(1.0, self.pace + record.steps * self.pace_step)
        preferred = durations[min(int(quantile * len(durations)), len(durations) - 1)]
        utilities = []
        for client in clients:
            useful = (min(usefulness[client], most) - least) / (most - least) if most > least else 1.0
            useful += sqrt(0.1 * log(round) / record.last.get(client.name, 1))
            seconds = predicted_seconds(client)
            utilities.append(useful * (preferred / seconds) ** self.penalty if seconds > preferred else useful)
        return utilities

    def _best(
        self,
        clients: Sequence[Client],
        size: int,
        round: int,
        record: Participation,
        usefulness: Mapping[Client, float],
        rng: Generator,
    ) -> list[Client]:
        """Draw ``size`` clients among those whose utility is close to the best; arguments are as in ``utilities``."""
        if not clients or size < 1:
            return []
        utilities = self.utilities(clients, round, record, usefulness)
        least = self.cutoff * sorted(utilities, reverse=True)[min(size, len(clients)) - 1]
        near = [(client, utility) for client, utility in zip(clients, utilities, strict=True) if utility >= least]
        return weighted([client for client, _ in near], [utility for _, utility in near], rng)[:size]

    def _keep_pace(
        self, record: Participation, reported: ReportedLosses, usefulness: Mapping[Client, float], round: int
    ) -> None:
        """Note what was gained since the last draw; after each window, allow longer rounds if it was less than before.

        Args:
            record: what is remembered of earlier draws.
            reported: the losses of each client.
            usefulness: the statistical utility of every client that has trained.
            round: the number of the draw.
        """
        new = [client for client in usefulness if record.counted.get(client.name) != reported.engagements[client.name]]
        gain = fsum(usefulness[client] for client in new if isfinite(usefulness[client]))
        gains, window = [*record.gains, gain], self.window
        if len(gains) >= 2 * window and round % window == 0:
            record.steps += fsum(gains[-2 * window : -window]) > fsum(gains[-window:])
        record.gains = gains[-2 * window :]
        record.counted = {**record.counted, **{client.name: reported.engagements[client.name] for client in new}}


def _statistical(client: Client, reported: ReportedLosses) -> float | None:
    """Return the statistical utility of a client; None if it has reported no loss."""
    loss = reported.root_mean_square(client.name)
    return None if loss is None else len(client.data) * loss
