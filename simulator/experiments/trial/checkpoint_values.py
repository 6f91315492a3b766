"""Decisions that depend on values, noted as they are made, and made again in the same way without the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from simulator.scheduling.selection.base import Selection, select
from simulator.scheduling.selection.losses import ReportedLosses

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds
    from simulator.world.clients import Client
    from simulator.world.world import World


class Noted(Selection):
    """A policy whose cohorts are noted, and repeated as long as there are noted ones.

    Attributes:
        policy: the policy itself.
    """

    name: ClassVar[str] = "noted"
    policy: Any
    _cohorts: list[list[str]] = PrivateAttr(default_factory=list)
    _draws: int = PrivateAttr(default=0)

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        self._draws += 1
        if self._draws <= len(self._cohorts):
            if self.policy.needs_losses:  # which were noted, so that it can look at them as it did
                select(self.policy, clients, size, round, seeds)
            by_name = {client.name: client for client in clients}
            return [by_name[name] for name in self._cohorts[self._draws - 1]]
        cohort = select(self.policy, clients, size, round, seeds)
        self._cohorts.append([client.name for client in cohort])
        return cohort


class Decisions:
    """What a trial decides by values.

    A policy that looks at the losses which clients report is called again, with the losses that were noted. Of a policy
    that is not ours and looks at values, the cohorts are noted as well. Of samples that pruning chose by their scores,
    the shards note the positions.

    Args:
        world: the world, in which nothing has happened yet.
        policy: the policy of selection.

    Attributes:
        selection: the policy that the driver is to use.
    """

    def __init__(self, world: World, policy: Selection) -> None:
        ours = type(policy).__module__.startswith("simulator.")
        notes_cohorts = policy.needs_values is not None and not (ours and policy.needs_losses)
        self.selection: Selection = Noted(policy=policy) if notes_cohorts else policy
        self._losses: dict[tuple[str, int], list[Any]] = {}
        self._repeated: dict[tuple[str, int], list[Any]] = {}
        self._world, self._report = world, world.on_update
        if policy.needs_losses:
            world.on_update = self._note

    def _note(self, client: str, engagement: int) -> None:
        """Note the losses that come with an update, or put those in their place that were noted."""
        assert self._report is not None
        self._report(client, engagement)
        reported = self._world.server.store(ReportedLosses)
        if reported.engagements.get(client) != engagement:
            return
        losses = self._repeated.pop((client, engagement), None)
        if losses is not None:
            reported.losses[client] = list(losses)
        self._losses[client, engagement] = list(reported.losses[client])

    def noted(self) -> list[Any]:
        """Return what has been noted so far, as plain data and tensors."""
        import torch

        cohorts = self.selection._cohorts if isinstance(self.selection, Noted) else []
        keys, losses = list(self._losses), list(self._losses.values())
        flat = [loss for some in losses for loss in some]
        values = torch.stack([torch.as_tensor(loss).detach().cpu() for loss in flat]) if flat else None
        kept = {client.name: dict(client.data.chosen) for client in self._world.clients if client.data.chosen}
        return [cohorts, keys, [len(some) for some in losses], values, kept]

    def repeat(self, noted: list[Any]) -> None:
        """Have what was noted decided again."""
        cohorts, keys, lengths, values, kept = noted
        if isinstance(self.selection, Noted):
            self.selection._cohorts.extend(cohorts)
        for client in self._world.clients:
            client.data.chosen.update(kept.get(client.name, {}))
        device = self._world.clients[0].data.inputs.labels.device if keys else None
        parts = [] if values is None else values.to(device).split(lengths)
        self._repeated = {key: list(part.unbind()) for key, part in zip(keys, parts, strict=True)}

    def go_on(self) -> None:
        """Decide anew from now on."""
        self._repeated = {}
