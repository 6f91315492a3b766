"""The base of split algorithms: a head, and possibly a tail, on the device, and the rest at the server."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import (
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm
from simulator.algorithms.steps.split_step import check_cut
from simulator.scheduling.cuts.base import CutPolicy
from simulator.scheduling.cuts.fixed import Fixed
from simulator.settings.base import invalid
from simulator.settings.bounds import Blocks
from simulator.settings.plugins import CUT_POLICIES
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client


class CutPoint(NamedTuple):
    """Where a model is cut.

    Attributes:
        head: blocks on the device behind the embedding.
        tail: blocks on the device before norm and classifier.
    """

    head: int
    tail: int


class SplitAlgorithm(Algorithm):
    """An algorithm that splits the model between each device and the server.

    Where a policy chooses the cuts, the algorithm that runs is a copy that knows the cut of each client (``placed``).
    Subclasses always call ``cut_for``, whether the cut is fixed or chosen.

    Attributes:
        head: blocks on the device behind the embedding.
        cut: the policy that chooses where each device's model is cut. With `fixed`, `head` (and `tail`) determine the
            cut; the keys that another policy chooses must not be set.
    """

    cuts_model: ClassVar[bool] = True
    chosen: ClassVar[tuple[str, ...]] = ("head",)
    """The keys whose values a policy chooses."""
    missing_keys: ClassVar[Mapping[str, str]] = {
        "labels": "labels always leave the devices, because the loss is computed at the server; sfprompt, and splitfed "
        "with labels: private, keep them on the devices"
    }
    head: Blocks = 1
    cut: Annotated[CutPolicy, CUT_POLICIES] = Field(default={"name": "fixed"}, validate_default=True)
    _places: dict[str, CutPoint] = PrivateAttr(default_factory=dict)

    @property
    def shares_one_cut(self) -> bool:
        """Whether all clients must have the same cut, because they share one part at the server."""
        return False

    def messages(self, model: Staged, training: Training) -> Messages:
        return _union([self._messages(model, at) for at in self.possible(model)])

    def _messages(self, model: Staged, at: Cut) -> Messages:
        """Return the kinds of the payloads that are sent with this cut."""
        raise NotImplementedError

    def cuts(self, model: Staged) -> list[CutPoint]:
        """Return the cuts that a policy chooses from, from the smallest portion on the device to the largest."""
        return [CutPoint(head, self._tail) for head in range(len(model.blocks) - self._tail)]

    def check(self, model: Staged, training: Training) -> None:
        check_cut(model, 0 if self.cut.chooses else self.head, self._tail)

    def cut_for(self, task: Task, client: Client) -> Cut:
        """Return where this client's model is cut."""
        return task.cut(*self._places.get(client.name, self._fixed_cut))

    def placed(self, places: Mapping[str, CutPoint]) -> Self:
        """Return a copy with these cuts, by client name."""
        copy = self.model_copy()
        copy._places = dict(places)
        return copy

    def cut_at(self, **blocks: int) -> Self:
        """Return a copy with one fixed cut, given by ``head``, ``tail`` or both."""
        return self.model_copy(update={"cut": Fixed(), **blocks}).placed({})

    @property
    def placement(self) -> Mapping[str, CutPoint]:
        """The cut that a policy chose for each client, by name; empty without a policy, or before it has chosen."""
        return self._places

    @property
    def heads(self) -> list[int]:
        """The distinct numbers of blocks in the clients' heads, ascending: chosen by a policy, or the fixed one."""
        return sorted({cut_point.head for cut_point in self._places.values()}) or [self.head]

    def possible(self, model: Staged) -> list[Cut]:
        """Return the distinct cuts that clients may have: those chosen, or before that all that a policy may choose."""
        if self._places or not self.cut.chooses:
            cut_points = list(dict.fromkeys(self._places.values())) or [self._fixed_cut]
        else:
            cut_points = self.cuts(model)
        return [check_cut(model, *cut_point) for cut_point in cut_points]

    @property
    def _tail(self) -> int:
        """The number of blocks in the tail; 0 where the server has everything behind the head."""
        return 0

    @property
    def _fixed_cut(self) -> CutPoint:
        return CutPoint(self.head, self._tail)

    @model_validator(mode="after")
    def _chosen_once(self) -> Self:
        """Refuse a key that is set although a policy chooses its value."""
        conflicting = [key for key in self.chosen if self.cut.chooses and key in self.model_fields_set]
        if conflicting:
            problem = f"the cut policy {self.cut.name} chooses it: set {listed(conflicting)} or the policy, not both"
            raise invalid([((key,), getattr(self, key), problem, None) for key in conflicting])
        return self

    @model_serializer(mode="wrap")
    def _without_chosen(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys that a policy chooses: written, they would look as if the entry had set them."""
        omitted = self.chosen if self.cut.chooses else ()
        return {key: value for key, value in write(self).items() if key not in omitted}


class UShaped(SplitAlgorithm):
    """A split algorithm with a tail on the device, too, so that labels need not leave it.

    Attributes:
        tail: blocks on the device before norm and classifier.
    """

    missing_keys: ClassVar[Mapping[str, str]] = {"labels": "labels never leave the devices, because the tail is there"}
    tail: Blocks = 1

    @property
    def _tail(self) -> int:
        return self.tail


def _union(cases: list[Messages]) -> Messages:
    """Return everything that is sent in at least one of several cases."""
    return Messages(*(tuple(dict.fromkeys(chain.from_iterable(kinds))) for kinds in zip(*cases, strict=True)))
