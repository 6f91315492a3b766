"""What a site keeps from round to round, in records of their own for whoever keeps it."""

from __future__ import annotations

from typing import Any, TypeVar

from simulator.accounting.payload import Frozen, tree_bytes
from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.accounting.payload")

S = TypeVar("S", bound="Store")


class Store:
    """A record of what somebody keeps at a site: fields with defaults, plain data and tensors.

    Whoever keeps something declares a dataclass of it (``@dataclass(eq=False)``) and asks ``site.store(ItsClass)`` for
    the site's own: an algorithm for what it keeps at a client and at the server, a driver for its state, a channel for
    its notes. None can come in another's way, and all of them count in the site's memory. A field is set to be changed:
    what is changed inside of it is seen when the next one is set.
    """

    changed: bool = True
    """Of the class: a record starts as changed."""

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value
        self.__dict__["changed"] = name != "changed" or value


class Live(dict[str, Any]):
    """Tensors by name that were sent to a device or computed there: they take its memory as long as they live."""

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment]


class Stores(dict[type[Store], Store]):
    """The records that are kept at one site, by their classes."""

    def of(self, kind: type[S]) -> S:
        """The record of this class; made when it is first asked for."""
        if kind not in self:
            self[kind] = kind()
        return self[kind]  # type: ignore[return-value]

    @property
    def changed(self) -> bool:
        """Whether one of them has changed since it was weighed."""
        return any(store.changed for store in self.values())

    def weigh(self) -> int:
        """Bytes of all tensors in them.

        Left out are weights that parts compute with, which count where they are used, and what counts as ``Live``. The
        same payload under two names counts once (by the identity of what holds tensors: dry, these stand for each
        other).
        """
        for store in self.values():
            store.changed = False
        return tree_bytes([list(vars(store).values()) for store in self.values()], counts_elsewhere)


def counts_elsewhere(part: Any) -> bool:
    """Whether a part of a record counts where it is used, or for itself: weights, frozen ones, and what is ``Live``."""
    return isinstance(part, Frozen | Live) or hasattr(part, "optimizer")
