"""The losses that clients report from training, for the policies that look at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import fsum, inf, isnan, sqrt
from typing import TYPE_CHECKING, Any

from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.world.world import World


@dataclass(eq=False)
class ReportedLosses(Store):
    """The losses of each client's batches in its last engagement, in the server's store.

    They are the mean losses of batches, as they are computed in training anyway. The mean and the mean of squares are
    two numbers of 8 bytes that ride along with the update; they are not charged. What a client that was stopped has
    computed is not known: no update of it arrived.

    Attributes:
        training: by client, the ``round_index`` of the engagement in which it trained last, and a loss for each batch
            of it so far: scalar tensors.
        engagements: by client, the engagement that its reported losses are of.
        losses: by client, the losses that it has reported; they become numbers when they are first looked at.
    """

    training: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)
    engagements: dict[str, int] = field(default_factory=dict)
    losses: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, client: str, engagement: int, loss: Any) -> None:
        """Note the loss of a batch, which is not yet reported.

        Args:
            client: the name of the client.
            engagement: its ``round_index``.
            loss: the mean loss of the batch, a scalar tensor.
        """
        if client not in self.training or self.training[client][0] != engagement:
            self.training[client] = engagement, []
        self.training[client][1].append(loss)

    def report(self, client: str, engagement: int) -> None:
        """Note that the update of an engagement has arrived, and with it the losses."""
        if client in self.training and self.training[client][0] == engagement:
            self.engagements[client], self.losses[client] = self.training.pop(client)

    def mean(self, client: str) -> float | None:
        """Return the mean loss of a client's batches; None if it reported none, and inf where one is not a number."""
        values = self._values(client)
        return fsum(values) / len(values) if values else None

    def root_mean_square(self, client: str) -> float | None:
        """Return the root of the mean squared loss of a client's batches; special cases are as in ``mean``."""
        values = self._values(client)
        return sqrt(fsum(value * value for value in values) / len(values)) if values else None

    def _values(self, client: str) -> list[float]:
        numbers = [float(loss) for loss in self.losses.get(client, ())]
        if numbers:
            self.losses[client] = numbers = [inf if isnan(number) else number for number in numbers]
        return numbers


def observe(world: World) -> Callable[[str, Any], None]:
    """Return an observer of a world, which notes the loss of each pass that has one, for when its update arrives."""
    reported = world.server.store(ReportedLosses)
    world.on_update = reported.report
    clients = {client.name: client for client in world.clients}

    def note(name: str, result: Any) -> None:
        loss = getattr(result, "output", None)
        if getattr(loss, "ndim", None) == 0:  # a pass that was given labels: its output is the mean loss
            reported.add(name, clients[name].round_index, loss)

    return note
