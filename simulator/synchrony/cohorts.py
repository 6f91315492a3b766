"""Which clients take part in a round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from simulator.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Selection(Protocol):
    """A policy that chooses a cohort. One that ignores time and values gives all algorithms the same cohorts."""

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]: ...


class Uniform:
    """Each cohort of this size is as likely as any other (McMahan et al., 2017, Algorithm 1)."""

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        order = seeds.stream("cohort", round).permutation(len(clients))
        ordered = (clients[index] for index in order)
        return [client for client in ordered if client.fits and client.site.away_since is None][:size]
