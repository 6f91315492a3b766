"""Planned rounds by the analytic twins, at once, wherever all that they assume holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.twins.base import Figures
from simulator.algorithms.epsl import EPSL
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.fedlora import FedLora
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.split_learning import SplitLearning
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.experiments.plan.fleet import DoesNotHoldError, Fleet, Member
from simulator.experiments.plan.forms.base import Form
from simulator.experiments.plan.forms.epsl import EPSLForm
from simulator.experiments.plan.forms.fl import FL
from simulator.experiments.plan.forms.sfprompt import SFPromptForm
from simulator.experiments.plan.forms.split import SplitFedForm, SplitLearningForm
from simulator.experiments.plan.forms.splitfrozen import SplitFrozenForm

if TYPE_CHECKING:
    from simulator.algorithms.base import Algorithm
    from simulator.scenario.scenario import Entry, Scenario

FORMS: dict[type[Algorithm], type[Form]] = {
    FedAvg: FL,
    FedLora: FL,
    SplitFed: SplitFedForm,
    SplitLearning: SplitLearningForm,
    SFPrompt: SFPromptForm,
    SplitFrozen: SplitFrozenForm,
    EPSL: EPSLForm,
}
"""The twin of each algorithm that has one. Subclasses have none: what they change, no twin knows."""


class Closed(NamedTuple):
    """A round by a closed form.

    Attributes:
        figures: its figures.
        members: the cohort, in the order of ``figures.loads``.
        client_energy_j: joules of the devices.
        smashed: for each client, the bytes of smashed data that it sent: in total, and in its smallest transfer.
    """

    figures: Figures
    members: list[Member]
    client_energy_j: float
    smashed: dict[str, tuple[int, int]]


class ClosedForms:
    """The closed forms of a scenario's entries at their cuts; what does not depend on link rates is kept.

    Frozen weights are taken to be on the devices, and rounds to be synchronous, whatever the scenario says.

    Args:
        scenario: the scenario, with links at their nominal rates and nothing that goes wrong.
        seed: the seed, which decides shards and cohorts.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario, self._seed = scenario, seed
        self._fleets: dict[tuple[str, bool], Fleet | str] = {}
        self._forms: dict[tuple[object, ...], Form] = {}

    def round(
        self, entry: Entry, speed: float = 1.0, samples: int | None = None, device: str | None = None, number: int = 1
    ) -> Closed:
        """Return a round of an entry.

        Args:
            entry: the algorithm, with its cut.
            speed: factor on the rates of all devices' links.
            samples: samples on each device; None: as the scenario partitions the data.
            device: the name of the one device that takes part; None: the first cohort does.
            number: 1 for the first round, 2 for any later one in which the same devices take part.

        Raises:
            DoesNotHoldError: an assumption does not hold; the text is a clause that says which one.
        """
        fleet, form = self._of(entry)
        clients = fleet.cohort if device is None else [each for each in fleet.world.clients if each.name == device]
        members = fleet.members(clients, speed, samples)
        figures = form.figures(members, number)
        if not form.shares_links:
            fleet.check_own_links(members, figures)
        smashed = {member.client.name: list(form.smashed(member)) for member in members}
        return Closed(
            figures,
            members,
            joules_of(fleet, members, figures),
            {
                name: (int(sum(times * size for times, size in sent)), int(min(size for _, size in sent)))
                for name, sent in smashed.items()
                if sent
            },
        )

    def _of(self, entry: Entry) -> tuple[Fleet, Form]:
        kind = FORMS.get(type(entry.algorithm))
        if kind is None:
            raise DoesNotHoldError(f"{entry.name} has no closed form")
        key = entry.label, bool(entry.training.compression)
        if key not in self._fleets:
            try:
                self._fleets[key] = Fleet(self._scenario, entry, self._seed)
            except DoesNotHoldError as problem:
                self._fleets[key] = str(problem)
        fleet = self._fleets[key]
        if isinstance(fleet, str):
            raise DoesNotHoldError(fleet)
        at = (*key, *_cut(entry))
        if at not in self._forms:
            self._forms[at] = kind(self._scenario, entry, self._seed, fleet)
        return fleet, self._forms[at]


def _cut(entry: Entry) -> tuple[object, ...]:
    """Return what tells apart the cuts of one entry."""
    algorithm = entry.algorithm
    places = tuple(getattr(algorithm, "placement", {}).items())
    return getattr(algorithm, "head", None), getattr(algorithm, "tail", None), places


def joules_of(fleet: Fleet, members: Sequence[Member], figures: Figures) -> float:
    """Return the joules of the devices, which take part until the end of the round, as ``accounting.usage`` does."""
    joules = 0.0
    for member, load in zip(members, figures.loads, strict=True):
        power = fleet.power_of(member)
        joules += power.idle * figures.seconds + (power.compute - power.idle) * load.compute_s
        joules += (power.upload - power.idle) * load.upload_s + (power.download - power.idle) * load.download_s
    return joules
