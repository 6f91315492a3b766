"""Whether an algorithm fits into the memory of its devices and its server: known from a dry run, before a real one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analysis.humanize import human
from simulator.outcome import Outcome, Peak
from simulator.plugins import ALGORITHMS
from simulator.scenario_source import ScenarioError
from simulator.trial import Progress, run, structure

if TYPE_CHECKING:
    from simulator.scenario import Entry, Scenario


def fitted(scenario: Scenario, entry: Entry, seed: int, progress: Progress = lambda _: None) -> Outcome:
    """A dry run of one trial, by those devices whose memory suffices for it; memory is what it is in a real run.

    Where `on_oom` is `skip`, devices that are too small are left out and others are chosen in their place, until
    everybody who takes part fits: the outcome's ``without``.

    Raises:
        ScenarioError: a device (or every device, where small ones are skipped) or the server is too small. The message
            says which and for what, how much it needs, and which cut would fit.
    """
    without: frozenset[str] = frozenset()
    while True:
        outcome = run(scenario, entry, seed, True, progress, without)
        small = too_small(outcome)
        if not small or scenario.world.on_oom == "ignore":
            return outcome
        devices = {peak.site for peak in small if peak is not outcome.server_peak}
        without |= devices
        everybody = len(without) == scenario.world.clients
        if scenario.world.on_oom == "error" or not devices or everybody:
            raise _refused(scenario, entry, seed, small[0], everybody)


def too_small(outcome: Outcome) -> list[Peak]:
    """The sites that would have needed more memory than they have: devices first, the server last."""
    return [peak for peak in (*outcome.client_peaks, outcome.server_peak) if peak.bytes > peak.available]


def told(entry: Entry, peak: Peak) -> str:
    """What one site needs and has, in words."""
    needed, there = (human("bytes", size) for size in (peak.bytes, peak.available))
    return f"{entry.label} needs {needed} on {peak.site} (for {peak.doing}), which has {there}"


def _refused(scenario: Scenario, entry: Entry, seed: int, peak: Peak, everybody: bool) -> ScenarioError:
    group = peak.site.rpartition("-")[0]
    names = [device.name for device in scenario.world.devices]
    place: tuple[str | int, ...] = ("server",) if peak.site == "server" else ("devices", names.index(group))
    cut = _cut_that_fits(scenario, entry, seed, peak)
    problem = told(entry, peak) + (", and no device has enough" if everybody else "")
    hint = f"{cut} would fit" if cut else "no cut would fit either: a smaller batch_size or model may"
    instead = "ignore" if everybody or peak.site == "server" else "skip or ignore"
    return scenario.error(
        ("world", *place, "memory"), human("bytes", peak.available), f"{problem}; {hint} (or say on_oom: {instead})"
    )


def _cut_that_fits(scenario: Scenario, entry: Entry, seed: int, peak: Peak) -> str | None:
    """The cut nearest to the entry's own with which everybody fits, in words; where it has no cut, one of splitfed."""
    borrowed = not hasattr(entry.algorithm, "head")
    rounds = max(1, peak.round)  # cohorts of these rounds are the same
    algorithm = ALGORITHMS.find("splitfed")() if borrowed else entry.algorithm
    training = entry.training.model_copy(update={"rounds": rounds})

    def fits(cut: dict[str, int]) -> bool:
        other = entry.model_copy(update={"algorithm": algorithm.model_copy(update=cut), "training": training})
        return not too_small(run(scenario, other, seed, dry=True))

    cuts = list(_other_cuts(scenario, entry, algorithm, borrowed, on_device=peak.site != "server"))
    first = bisect_left(cuts, True, key=fits)  # the further from the entry's own, the smaller the part that did not fit
    if first == len(cuts):
        return None
    said = ", ".join(f"{key}: {value}" for key, value in cuts[first].items())
    return f"splitfed with {said}" if borrowed else said


def _other_cuts(
    scenario: Scenario, entry: Entry, algorithm: Any, borrowed: bool, on_device: bool
) -> Iterator[dict[str, int]]:
    """Cuts that leave less and less on the device, or at the server."""
    blocks = len(structure(scenario, entry).blocks)
    tail = getattr(algorithm, "tail", 0)
    head = blocks - tail if borrowed else algorithm.head
    if on_device:
        yield from ({"head": fewer} for fewer in range(head - 1, -1, -1))
        yield from ({"head": 0, "tail": fewer} for fewer in range(tail - 1, -1, -1))
    else:
        yield from ({"head": more} for more in range(0 if borrowed else head + 1, blocks - tail))
