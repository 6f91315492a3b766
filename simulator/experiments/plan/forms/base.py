"""The base of the forms: an entry at its cut, with its model in a dry task, and what several forms need of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from simulator.accounting.twins.base import Figures, Work
from simulator.experiments.plan.fleet import Fleet, Member, work
from simulator.experiments.trial.build import make_task
from simulator.learning.training.averaging import weighted_mean
from simulator.settings.seeds import Seeds
from simulator.transport.wire import Wire

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost
    from simulator.learning.models.cuts import Cut
    from simulator.scenario.scenario import Entry, Scenario

T = TypeVar("T")
Sent = Iterator[tuple[int, float]]
"""How often a client sends smashed data in a round, and their bytes."""


class Form:
    """The twin of an entry at its cut.

    Args:
        scenario: the model and the data.
        entry: the algorithm, with its cut.
        seed: the seed of the plan.
        fleet: the world of this entry.

    Attributes:
        shares_links: whether the form holds where devices share a link of the server, because only one sends at a time.
    """

    shares_links: ClassVar[bool] = False

    def __init__(self, scenario: Scenario, entry: Entry, seed: int, fleet: Fleet) -> None:
        self.fleet, self.training = fleet, entry.training
        self.algorithm: Any = entry.algorithm
        self.task = make_task(scenario, entry, Seeds(seed), dry=True)
        self.wire = Wire(entry.training.wire_dtype)
        self._kept: dict[tuple[Any, ...], Any] = {}

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        """Return the figures of a round.

        Args:
            members: the cohort.
            number: 1 for the first round of these devices, 2 for any later one.

        Raises:
            DoesNotHoldError: an assumption of the twin does not hold.
        """
        raise NotImplementedError

    def smashed(self, member: Member) -> Sent:
        """Yield how often a client sends smashed data, and their bytes; nothing where it sends none."""
        yield from ()

    def _once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return what was made for this key, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def _each(self, members: Iterable[Member], make: Callable[[Member], T]) -> list[T]:
        """Return what is made for each member; devices of one kind share it."""
        made: dict[tuple[Any, ...], T] = {}
        found = []
        for member in members:
            key = member.group, member.samples, self._cut(member)
            if key not in made:
                made[key] = make(member)
            found.append(made[key])
        return found

    def _cut(self, member: Member) -> Cut:
        cut: Cut = self.algorithm.cut_for(self.task, member.client)
        return cut

    def _bytes(self, payload: Any) -> int | None:
        """Return the bytes of a payload on the wire; None if there is nothing in it, for then it is not sent."""
        return self.wire.carry(payload)[1] if payload else None

    def _mean(self, members: Sequence[Member], state: Mapping[str, Any]) -> Work:
        """Return the server's work for the weighted mean of the members' states."""
        states, weights = [state] * len(members), [1.0] * len(members)
        key = "mean", len(members), tuple(state)
        return self._once(key, lambda: work(self.fleet.server, weighted_mean.cost(states, weights)))

    def _repeated(self, samples: int, epochs: int) -> list[tuple[int, int]]:
        return self.fleet.sizes(samples, self.training.batch_size, epochs)


def total(fleet: Fleet, costs: Iterable[Cost]) -> Work:
    """Return works of the server that follow each other as one."""
    works = [work(fleet.server, cost) for cost in costs]
    return Work(sum(each.seconds for each in works), sum(each.flops for each in works))
