"""The memory peaks of a dry run: those of devices alone, and which sites are too small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.dry import DeviceClass, device_classes, lone_device
from simulator.experiments.trial.population import Figures, Population, populations
from simulator.experiments.trial.result import MemoryPeak, TrialResult
from simulator.experiments.trial.simulate import Simulation

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario


def peaks_alone(scenario: Scenario, entry: Entry, seed: int) -> dict[str, MemoryPeak]:
    """Return the memory peak of each device, by name, in a dry run in which it takes part alone.

    Devices of a population share one run with all that have as many samples and the same cut: what they need does not
    depend on how fast they are, but for batches that wait for a link. These are most where the weakest links of all are
    beside the fastest processor.
    """
    placement = getattr(placed(scenario, entry, seed).algorithm, "placement", {})
    known: dict[tuple[DeviceClass, Any], MemoryPeak] = {}
    peaks, most = {}, most_waiting(populations(scenario, seed))
    for name, kin in device_classes(scenario, seed).items():
        own = kin.figures
        key = kin if own is None else kin._replace(figures=most[kin.group]), placement.get(name)
        if key not in known:
            known[key] = Simulation(*lone_device(scenario, entry, *key), seed, dry=True).run().client_peaks[0]
        peak = known[key]._replace(site=name)
        peaks[name] = peak if own is None else peak._replace(available=own.memory)
    return peaks


def most_waiting(drawn: Iterable[Population]) -> list[Figures]:
    """Return for each population the figures with which most waits on a device for its links."""
    return [
        population.nominal._replace(
            **{figure: population.most(figure) for figure in ("rate", "memory_bandwidth")},
            **{figure: population.least(figure) for figure in ("uplink", "downlink")},
            **{figure: population.most(figure) for figure in ("uplink_latency", "downlink_latency")},
        )
        for population in drawn
    ]


def with_peaks(outcome: TrialResult, peaks: Mapping[str, MemoryPeak]) -> TrialResult:
    """Return the result with these peaks for devices that had less memory in use in it, unless they were left out."""
    if not peaks:
        return outcome
    higher = [
        peak if peak.site in outcome.without else max(peak, peaks[peak.site], key=lambda one: one.bytes)
        for peak in outcome.client_peaks
    ]
    return replace(outcome, client_peaks=higher)


def too_small(outcome: TrialResult) -> list[MemoryPeak]:
    """Return the sites that needed more memory than they have: devices first, then edges, and the server last."""
    peaks = *outcome.client_peaks, *outcome.edge_peaks, outcome.server_peak
    return [peak for peak in peaks if peak.bytes > peak.available]
