"""Personal models: each stays on its client's device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.world.clients import Client


@dataclass(eq=False)
class PersonalModel(Store):
    """A client's personal model.

    Attributes:
        tensors: name -> tensor; during training, the ``Weights`` being trained. None before the client first trains.
    """

    tensors: Mapping[str, Any] | None = None


def has_trained(client: Client) -> bool:
    """Return whether a client has a personal model."""
    return client.store(PersonalModel).tensors is not None
