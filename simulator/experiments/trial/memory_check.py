"""Check by a dry run, before the real one, whether an algorithm fits into the memory of devices, edges and server."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from simulator.experiments.trial.cut_search import chosen
from simulator.experiments.trial.dry import unbilled, with_fixed_cohorts, without_values
from simulator.experiments.trial.fitting_cut import cut_that_fits
from simulator.experiments.trial.memory_of_sample import settled_by_sample
from simulator.experiments.trial.memory_peaks import peaks_alone, too_small, with_peaks
from simulator.experiments.trial.result import MemoryPeak, TrialResult
from simulator.experiments.trial.settled_memory import SettledMemory, can_settle
from simulator.experiments.trial.simulate import Progress
from simulator.experiments.trial.trial import Trial
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario


Tell = Callable[[str], Any]
"""Called with a line that the user should read."""


def devices_left_out(
    scenario: Scenario, tell: Tell = lambda _: None, early: bool = False
) -> dict[tuple[str, int], frozenset[str]]:
    """Return the devices that are too small for each trial, by label and seed; they must never be chosen.

    An algorithm whose decisions depend on values cannot run dry. Its memory is not known beforehand, so no device is
    left out.

    Args:
        scenario: a scenario that has passed ``check``.
        tell: called with each line that the user should read.
        early: as of ``dry_run_that_fits``; of very many devices, a few may also stand for all (``memory_of_sample``).

    Raises:
        ScenarioError: as ``dry_run_that_fits``.
    """
    return {
        (entry.label, seed): frozenset()
        if entry.algorithm.needs_values
        else _left_out(_billed_alike(scenario, entry), entry, seed, tell, early)
        for entry in scenario.algorithms
        for seed in scenario.seeds
    }


def _left_out(scenario: Scenario, entry: Entry, seed: int, tell: Tell, early: bool) -> frozenset[str]:
    """Return the devices that are too small for one trial; arguments are those of ``dry_run_that_fits``."""
    if early and (settled := settled_by_sample(scenario, entry, seed)):
        tell(settled)
        return frozenset()
    return dry_run_that_fits(scenario, entry, seed, tell=tell, early=early).without


def _billed_alike(scenario: Scenario, entry: Entry) -> Scenario:
    """Return the scenario, without prices and carbon where the real run of an entry lasts longer or shorter than this.

    Where it does not, a trace of carbon intensities that is too short is refused before anything is trained.
    """
    return unbilled(scenario) if entry.training.selection.needs_values else scenario


def dry_run_that_fits(
    scenario: Scenario,
    entry: Entry,
    seed: int,
    progress: Progress = lambda _: None,
    tell: Tell = lambda _: None,
    early: bool = False,
) -> TrialResult:
    """Run one trial dry with the devices whose memory suffices; it needs the same memory as the real run.

    Where ``on_oom`` is ``skip``, devices that are too small are left out (``TrialResult.without``) and others are
    chosen in their place, until every device that takes part fits. With a selection that looks at values, any device
    may be chosen: then the selection is uniform here, and in addition each class of devices takes part alone.

    Args:
        scenario: a scenario that has passed ``check``.
        entry: one of its algorithms.
        seed: the seed.
        progress: called after each round.
        tell: called with each line that the user should read.
        early: whether the dry run may end where nothing comes near a limit (see ``settled_memory``); a line says so.

    Raises:
        ScenarioError: the server, an edge, or a device, or with ``skip`` every device, is too small. The message says
            which one and for what, how much it needs, and which cut would fit.
    """
    left_out: dict[str, MemoryPeak] = {}
    peaks = peaks_alone(scenario, entry, seed) if entry.training.selection.needs_values else {}
    own, entry = entry, without_values(entry)
    while True:
        dry = Trial(scenario, entry, seed, True, frozenset(left_out))
        outcome = with_peaks(_run_until_settled(dry, progress) if early else dry.run(progress), peaks)
        small = too_small(outcome)
        if not small or scenario.world.on_oom == "ignore":
            for line in (*chosen(scenario, outcome.entry, seed), *_notices(scenario, outcome, small, left_out)):
                tell(line)
            if outcome.rounds[-1].done < 1:
                looked, rounds = outcome.rounds[-1].round, entry.training.rounds
                tell(
                    f"The memory of {entry.label} was looked at in {looked} of {rounds} rounds: none comes near a limit"
                )
            return outcome
        devices = {peak.site: peak for peak in small if peak in outcome.client_peaks}
        left_out |= devices
        everybody = len(left_out) == scenario.world.clients
        if scenario.world.on_oom == "error" or not devices or everybody:
            raise _refused(scenario, outcome, small[0], everybody, own is not with_fixed_cohorts(own))


def _run_until_settled(trial: Trial, progress: Progress) -> TrialResult:
    """Run a dry trial, or as many of its rounds as are needed to know its memory."""
    if not can_settle(trial.scenario, trial.entry):
        return trial.run(progress)
    memory = SettledMemory(trial.scenario, trial.build())
    for point in trial.rounds():
        progress(point)
        if point.done < 1 and memory.is_settled():
            trial.rounds().close()  # type: ignore[attr-defined]
            break
    return trial.result()


def _notices(
    scenario: Scenario, outcome: TrialResult, small: list[MemoryPeak], left_out: Mapping[str, MemoryPeak]
) -> Iterator[str]:
    """Yield what a user should know about sites that are too small for a trial."""
    entry, remaining = outcome.entry, scenario.world.clients - len(outcome.without)
    if outcome.without:
        count = f"{len(outcome.without)} of {scenario.world.clients} devices are too small for {entry.label}"
        fewer = f"; only {remaining} are left for each round" if remaining < entry.training.clients_per_round else ""
        yield f"{count} and never chosen, so its cohorts are its own (on_oom: skip){fewer}"
        yield _said(entry, max(left_out.values(), key=lambda peak: peak.available))
    if scenario.world.server.batching and not any(outcome.ledger.works.column("batch")):
        yield f"No works of {entry.label} shared a pass at the server: batching changes nothing for it"
    if small:
        yield f"{_said(entry, small[0])}: counted as if it had enough (on_oom: ignore)"


def _said(entry: Entry, peak: MemoryPeak) -> str:
    """Say in words how much memory a site needs and has."""
    needed, available = (human("bytes", size) for size in (peak.bytes, peak.available))
    return f"{entry.label} needs {needed} on {peak.site} (for {peak.doing}), which has {available}"


def _refused(
    scenario: Scenario, outcome: TrialResult, peak: MemoryPeak, everybody: bool, cohorts_vary: bool
) -> ScenarioError:
    """Return the error for a site that is too small.

    Args:
        scenario: the scenario.
        outcome: the dry run.
        peak: the peak of the site.
        everybody: whether all devices are too small.
        cohorts_vary: whether cohorts depend on values or time, so that another cut has others.
    """
    place: tuple[str | int, ...] = ("server",)
    if peak in outcome.edge_peaks:
        place = ("edges", scenario.world.tiers.entries[peak.site])
    elif peak is not outcome.server_peak:
        ends = accumulate(group.count for group in scenario.world.devices)
        place = ("devices", bisect_right(list(ends), [one.site for one in outcome.client_peaks].index(peak.site)))
    cut = cut_that_fits(scenario, outcome, peak, cohorts_vary)
    problem = _said(outcome.entry, peak) + (", and no device has enough" if everybody else "")
    hint = f"{cut} would fit" if cut else "no cut would fit either: a smaller batch_size or model may"
    instead = "ignore" if everybody or place[0] != "devices" else "skip or ignore"
    return scenario.error(
        ("world", *place, "memory"), human("bytes", peak.available), f"{problem}; {hint} (or say on_oom: {instead})"
    )
