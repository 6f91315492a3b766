"""What a site keeps from round to round, in a separate record for each of those who keep something."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

from simulator.accounting.payload import Frozen, tree_bytes
from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.accounting.payload")

S = TypeVar("S", bound="Store")


class Store:
    """The base of records of what is kept at a site: fields with defaults, of plain data and tensors.

    Whoever keeps something declares it as a dataclass (``@dataclass(eq=False)``) and gets the record of a site with
    ``site.store(TheClass)``: an algorithm for what it keeps at a client and at the server, a driver for its state, a
    channel for its notes. Records of different classes cannot interfere, and all count in the memory of the site.
    To change a field, assign it: a change inside a value is noticed only when a field is assigned next.

    Attributes:
        changed: whether a field was assigned since the record was last weighed.
    """

    changed: bool = True  # of the class: a new record counts as changed
    replayed: ClassVar[bool] = False
    """Whether nothing in it depends on values of tensors that are trained: a trial that goes on from a checkpoint makes
    it again as it simulates its time again, so that no checkpoint holds it."""

    def checkpoint(self) -> Any:
        """Return what ``roll_back`` needs to take the record back to the present; None if it never is taken back.

        A record of what is trained at a server overrides both: a server that has an outage goes on from its last
        aggregation.
        """
        return None

    def roll_back(self, checkpoint: Any) -> None:
        """Take the record back to when a checkpoint was made, which is not None."""
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value
        self.__dict__["changed"] = name != "changed" or value


class Counting(Protocol):
    """What counts the bytes in memory; see ``memory.Memory``."""

    bytes: int


class Live(dict[str, Any]):
    """Tensors by name that were sent to a device or computed there; they take its memory for as long as they live."""

    __slots__ = ("__weakref__", "_memory", "_size")
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(
        self, tensors: Mapping[str, Any] = MappingProxyType({}), memory: Counting | None = None, size: int = 0
    ):
        """Count the tensors no more in a memory once this is gone.

        Args:
            tensors: the tensors, by name.
            memory: what has counted them; None: nothing has.
            size: their bytes.
        """
        super().__init__(tensors)
        self._memory, self._size = memory, size

    def __del__(self) -> None:
        if self._memory is not None:
            self._memory.bytes -= self._size

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copy and pickle it as a plain dict: no memory counts the copy as alive."""
        return dict, (dict(self),)


class Stores(dict[type[Store], Store]):
    """The records that are kept at one site, by class."""

    __slots__ = ()

    def of(self, kind: type[S]) -> S:
        """Return the record of this class, made the first time."""
        if kind not in self:
            self[kind] = kind()
        return self[kind]  # type: ignore[return-value]

    def checkpoint(self) -> dict[type[Store], Any]:
        """Return what ``roll_back`` needs, by the class of each record that can be taken back."""
        made = {kind: store.checkpoint() for kind, store in self.items()}
        return {kind: checkpoint for kind, checkpoint in made.items() if checkpoint is not None}

    def roll_back(self, checkpoints: Mapping[type[Store], Any]) -> None:
        """Take all records that can be back to when checkpoints were made."""
        for kind, checkpoint in checkpoints.items():
            self[kind].roll_back(checkpoint)

    @property
    def changed(self) -> bool:
        """Whether a record has changed since it was last weighed."""
        return any(store.changed for store in self.values())

    def weigh(self) -> int:
        """Return the bytes of all tensors in the records, and mark the records as unchanged.

        Weights that parts compute with are left out, because they count where they are used, and so is what counts as
        ``Live``. The same payload under two names counts once: by the identity of the dict, list or tuple, since in a
        dry run one tensor stands for others.
        """
        for store in self.values():
            store.changed = False
        return tree_bytes([list(vars(store).values()) for store in self.values()], counts_elsewhere)


def counts_elsewhere(part: Any) -> bool:
    """Return whether a part of a record is counted elsewhere: weights, also frozen ones, and what is ``Live``."""
    return isinstance(part, Frozen | Live) or hasattr(part, "optimizer")
