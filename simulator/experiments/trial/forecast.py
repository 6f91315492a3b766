"""Predict what a round of each client costs, from dry runs in which one device takes part alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from math import fsum
from typing import TYPE_CHECKING

from simulator.algorithms.steps.split import CutPoint
from simulator.experiments.trial.dry import DeviceClass, alone, as_key, device_classes, lone_device
from simulator.settings.errors import UnfitError
from simulator.world.clients import Client, Forecast

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario

Known = dict[tuple[DeviceClass, CutPoint | None], Forecast]
"""Forecasts by class of devices and cut."""


@lru_cache(maxsize=8)
def _known(scenario: str, entry: str) -> Known:
    return {}


def forget() -> None:
    """Forget all that was predicted in this process."""
    _known.cache_clear()


class Forecasts:
    """The forecasts for the devices of a trial, each made when it is first asked for, once for each class of devices.

    Args:
        scenario: the world, the model and the data.
        entry: the algorithm, with its cuts chosen.
        seed: the seed, which decides the shards.
        simulate: runs an entry dry in the world of a scenario.
    """

    def __init__(
        self, scenario: Scenario, entry: Entry, seed: int, simulate: Callable[[Scenario, Entry], TrialResult]
    ) -> None:
        self._scenario, self._entry, self._seed, self._simulate = scenario, entry, seed, simulate

    def __call__(self, client: Client) -> Forecast:
        """Return the forecast for a client; errors as ``of`` has them."""
        return self.of(client.name)

    def of(self, device: str) -> Forecast:
        """Return the forecast for the client with this device.

        Raises:
            UnfitError: the algorithm decides by values, so that no dry run can tell.
        """
        return self.of_class(self._classes[device], getattr(self._entry.algorithm, "placement", {}).get(device))

    def of_class(self, kin: DeviceClass, place: CutPoint | None = None) -> Forecast:
        """Return the forecast for any device of a class; errors as ``of`` has them.

        Args:
            kin: the class, which need not be that of a device of the trial.
            place: the cut that a policy chose for it; None where none did.
        """
        if (kin, place) not in self._cache:
            self._cache[kin, place] = self._predicted(kin, place)
        return self._cache[kin, place]

    @cached_property
    def _classes(self) -> dict[str, DeviceClass]:
        return device_classes(self._scenario, self._seed)

    @cached_property
    def _cache(self) -> Known:
        return _known(as_key(self._scenario), alone(self._entry).model_dump_json())

    def _predicted(self, kin: DeviceClass, place: CutPoint | None) -> Forecast:
        if self._entry.algorithm.needs_values:
            problem = (
                f"what its rounds cost depends on {self._entry.algorithm.needs_values}, so no dry run can predict it, "
                "and something asks for a prediction"
            )
            raise UnfitError("name", self._entry.name, problem, "another algorithm, or nothing that needs predictions")
        outcome = self._simulate(*lone_device(self._scenario, self._entry, kin, place))
        name = outcome.client_peaks[0].site
        *_, first, second = (point.sim_time_s for point in outcome.rounds)
        uses = [use for use in outcome.uses if (use.site, use.round) == (name, 2)]
        download, compute, upload = (
            fsum(use.seconds for use in uses if use.activity == activity)
            for activity in ("download", "compute", "upload")
        )
        works = [row.seconds for row in outcome.ledger.works if (row.site, row.round) == (name, 2)]
        energy = fsum(use.energy_j for use in uses)
        return Forecast(second - first, first, download, compute, upload, energy, max(works, default=0.0))
