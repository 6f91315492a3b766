"""A model of a client's own, which stays on its device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.world.clients import Client


@dataclass(eq=False)
class PersonalModel(Store):
    """A client's own model: tensors by name, or the weights that it is trained with, in its place; None before that."""

    tensors: Mapping[str, Any] | None = None


def has_trained(client: Client) -> bool:
    """Whether a client has a model of its own."""
    return client.store(PersonalModel).tensors is not None
