"""An algorithm that cuts the model: a head, and perhaps a tail, on the device, and the rest at the server."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import (
    Field,
    NonNegativeInt,
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
from simulator.settings.plugins import CUT_POLICIES
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client


class CutPoint(NamedTuple):
    """Where a model is cut: blocks on the device behind the embedding, and before norm and classifier."""

    head: int
    tail: int


class SplitAlgorithm(Algorithm):
    """An algorithm that cuts the model between a device and the server.

    Where a policy chooses, what is run is a copy that knows the cut of each client (``placed``): an algorithm asks
    ``cut_for``, whoever chose.

    Attributes:
        head: blocks on the device behind the embedding.
        cut: who chooses where each device's model is cut; `fixed`: the entry itself, by `head` (and `tail`); what
            another chooses, the entry does not say.
    """

    chosen: ClassVar[tuple[str, ...]] = ("head",)
    """The keys that a policy chooses."""
    missing_keys: ClassVar[Mapping[str, str]] = {
        "labels": "labels always leave the devices, for the loss is computed at the server; sfprompt, or splitfed with "
        "labels: private, keeps them there"
    }
    head: NonNegativeInt = 1
    cut: Annotated[CutPolicy, CUT_POLICIES] = Field(default={"name": "fixed"}, validate_default=True)
    _places: dict[str, CutPoint] = PrivateAttr(default_factory=dict)

    @property
    def shares_one_cut(self) -> bool:
        """Whether all clients need the same cut, for they share one part at the server; else each may have its own."""
        return False

    def messages(self, model: Staged, training: Training) -> Messages:
        return _all_messages([self._messages(model, at) for at in self.possible(model)])

    def _messages(self, model: Staged, at: Cut) -> Messages:
        """What is sent where the model is cut there."""
        raise NotImplementedError

    def cuts(self, model: Staged) -> list[CutPoint]:
        """The cuts among which a policy chooses, from the smallest portion on the device to the largest."""
        return [CutPoint(head, self._tail) for head in range(len(model.blocks) - self._tail)]

    def check(self, model: Staged, training: Training) -> None:
        check_cut(model, 0 if self.cut.chooses else self.head, self._tail)

    def cut_for(self, task: Task, client: Client) -> Cut:
        """Where this client's model is cut."""
        return task.cut(*self._places.get(client.name, self._said))

    def placed(self, places: Mapping[str, CutPoint]) -> Self:
        """The same with these cuts, by the clients' names."""
        copy = self.model_copy()
        copy._places = dict(places)
        return copy

    def cut_at(self, **where: int) -> Self:
        """The same with one fixed cut: ``head``, ``tail`` or both."""
        return self.model_copy(update={"cut": Fixed(), **where}).placed({})

    @property
    def placement(self) -> Mapping[str, CutPoint]:
        """What a policy chose, by the clients' names; empty where none did."""
        return self._places

    @property
    def heads(self) -> list[int]:
        """How many blocks a client may have in its head: those chosen, by a policy, or the one said."""
        return sorted({place.head for place in self._places.values()}) or [self.head]

    def possible(self, model: Staged) -> list[Cut]:
        """Each cut that a client may have, once: those chosen, or all that may be."""
        if self._places or not self.cut.chooses:
            places = list(dict.fromkeys(self._places.values())) or [self._said]
        else:
            places = self.cuts(model)
        return [check_cut(model, *place) for place in places]

    @property
    def _tail(self) -> int:
        """Blocks that are cut off behind the body: none where the server has all that is behind the head."""
        return 0

    @property
    def _said(self) -> CutPoint:
        return CutPoint(self.head, self._tail)

    @model_validator(mode="after")
    def _chosen_once(self) -> Self:
        """``head`` is either said or left to a policy."""
        twice = [key for key in self.chosen if self.cut.chooses and key in self.model_fields_set]
        if twice:
            problem = f"the cut policy {self.cut.name} chooses it: say {listed(twice)}, or the policy"
            raise invalid([((key,), getattr(self, key), problem, None) for key in twice])
        return self

    @model_serializer(mode="wrap")
    def _said_only(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What a policy chooses is not written: it would read as if the entry said it."""
        left_out = self.chosen if self.cut.chooses else ()
        return {key: value for key, value in write(self).items() if key not in left_out}


class UShaped(SplitAlgorithm):
    """With a tail on the device, too, so that labels need not leave it.

    Attributes:
        tail: blocks on the device before norm and classifier.
    """

    missing_keys: ClassVar[Mapping[str, str]] = {"labels": "labels never leave the devices, for the tail is there"}
    tail: NonNegativeInt = 1

    @property
    def _tail(self) -> int:
        return self.tail


def _all_messages(each: list[Messages]) -> Messages:
    """All that is sent in one of several cases."""
    return Messages(*(tuple(dict.fromkeys(chain.from_iterable(names))) for names in zip(*each, strict=True)))
