"""Run every algorithm of a scenario with every seed: show progress, print a table and write a run folder."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from simulator.experiments.run.all_trials import AllTrials
from simulator.experiments.run.consoles import standard_console
from simulator.experiments.run.drawing import REPORT, draw
from simulator.experiments.run.folders import CompleteError, claimed, free_folder, unfinished_folder
from simulator.experiments.run.losses import losses
from simulator.experiments.run.settled import said
from simulator.experiments.run.table import results_table
from simulator.experiments.run.verdict import tell_verdict
from simulator.experiments.trial.memory_check import Tell
from simulator.experiments.trial.validate import check
from simulator.settings.terminal import print_on

if TYPE_CHECKING:
    from simulator.experiments.executors.base import Executor
    from simulator.experiments.run.digest import Digest
    from simulator.experiments.run.parts import Part
    from simulator.experiments.run.tables import Summary
    from simulator.scenario.scenario import Scenario


@dataclass(frozen=True)
class Results:
    """What is shown of a run whose folder is written.

    Attributes:
        scenario: the scenario.
        summaries: by label, the summary of each seed's trial.
        shares: by label, the share of the devices' busy time that was in vain.
        accuracies: sentences for below the table: how its accuracies are averaged, and how precise they are.
        remarks: sentences for the end: what was lost, and which trials went wrong.
    """

    scenario: Scenario
    summaries: Mapping[str, Sequence[Summary]]
    shares: Mapping[str, float]
    accuracies: Sequence[str]
    remarks: Sequence[str]

    @classmethod
    def of(cls, scenario: Scenario, trials: Mapping[Part, Digest]) -> Results:
        """Return what is shown of all trials, which are in the order of the scenario."""
        by_label: dict[str, list[Digest]] = defaultdict(list)
        for part, digest in trials.items():
            by_label[part.label].append(digest)
        summaries = {label: [digest.summary for digest in digests] for label, digests in by_label.items()}
        shares = {label: sum(one.wasted_share for one in digests) / len(digests) for label, digests in by_label.items()}
        accuracies = list(said(scenario, summaries, max(digest.evaluations for digest in trials.values())))
        return cls(scenario, summaries, shares, accuracies, list(_remarks(by_label)))

    def table(self, width: int) -> Table:
        """Return the table of results for lines of so many characters: one row for each algorithm."""
        return results_table(self.scenario, self.summaries, self.shares, width)


def run_scenario(
    scenario: Scenario,
    *,
    dry: bool = False,
    out: Path | None = None,
    force: bool = False,
    resume: bool = False,
    jobs: int | None = 1,
    executor: Executor | None = None,
    console: Console | None = None,
) -> Path:
    """Run all trials, write the run folder, print the table of results, and return the folder's path.

    Args:
        scenario: what to run.
        dry: simulate without training; everything but accuracy is as in a real run.
        out: the run folder; None: ``runs/<scenario>-<n>`` with the first free number, or with ``resume`` the newest one
            that is not complete.
        force: replace an earlier run in ``out``.
        resume: go on with the unfinished run that is there.
        jobs: how many trials run at once; None: as many as cores, threads and memory allow.
        executor: where the trials are computed; None: on this machine.
        console: where progress and the table are printed; None: standard output.

    Raises:
        ScenarioError: the scenario cannot be run as it is; no trial was trained. Or there is nothing to resume.
        FolderTakenError: ``out`` holds something that may not be replaced.
    """
    console = console or standard_console()
    if out is None and not resume:
        check(scenario, dry)
        out = made = free_folder(scenario.name)
    else:
        out, made = out or unfinished_folder(scenario.name), None
    try:
        results = run_into(
            out, scenario, dry=dry, force=force, resume=resume, jobs=jobs, executor=executor, console=console
        )
    finally:
        if made is not None:
            with suppress(OSError):  # it is not empty
                made.rmdir()
                made.parent.rmdir()
    print_on(console, results.table(console.width))
    for sentence in results.accuracies:
        console.print(sentence, soft_wrap=True, markup=False)
    from analysis import load_run
    from analysis.verdict import verdict_of_run

    tell_verdict(verdict_of_run(load_run(out)), console)
    for sentence in results.remarks:
        console.print(sentence, soft_wrap=True, markup=False)
    if (out / REPORT).is_file():
        console.print(f"Report: {out / REPORT}", soft_wrap=True, markup=False)
    return out


def run_into(
    folder: Path,
    scenario: Scenario,
    *,
    dry: bool,
    console: Console,
    force: bool = False,
    resume: bool = False,
    jobs: int | None = 1,
    executor: Executor | None = None,
    report: bool = True,
    tell: Tell | None = None,
) -> Results:
    """Run all trials with progress, write the run folder, and return what is shown of it.

    Each trial is in the folder as soon as it is done. What interrupts the run loses what was under way alone, and
    ``resume`` goes on with it.

    Args:
        folder: the run folder.
        scenario: what to run.
        dry: simulate without training.
        console: where progress is shown.
        force: replace an earlier run in ``folder``.
        resume: go on with the unfinished run in ``folder``.
        jobs: how many trials run at once; None: as many as cores, threads and memory allow.
        executor: where the trials are computed; None: on this machine.
        report: draw the figures and the report, too.
        tell: called with each line that the user should read before results; None: it is printed.

    Raises:
        ScenarioError: the scenario cannot be run as it is; no trial was trained. Or there is nothing to resume.
        FolderTakenError: ``folder`` holds something that may not be replaced.
        CompleteError: ``resume``, and the run is complete.
        KeyboardInterrupt: it was stopped; if something is kept, the message says how to go on.
    """
    check(scenario, dry)
    tell = tell or functools.partial(console.print, soft_wrap=True, markup=False)
    try:
        with claimed(folder, scenario, dry, force=force, resume=resume) as run:
            trials = AllTrials(run, scenario, dry)
            try:
                trials.run_missing(console, tell, jobs, executor)
                run.complete(list(trials.digests))
                if report:
                    draw(folder, scenario, tell)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(trials.kept(folder)) from None
            except Exception:
                if kept := trials.kept(folder):
                    tell(f"{kept[0].upper()}{kept[1:]}")
                raise
    except CompleteError:
        if report and not (folder / REPORT).exists():  # it was killed before it was drawn
            draw(folder, scenario, tell)
        raise
    return Results.of(scenario, trials.digests)


def _remarks(by_label: Mapping[str, Sequence[Digest]]) -> Iterator[str]:
    """Yield sentences on what was lost, and on the trials that went wrong."""
    for label, digests in by_label.items():
        yield from losses(label, [digest.losses for digest in digests])
    for digest in (digest for digests in by_label.values() for digest in digests):
        name = f"{digest.summary['label']}, seed {digest.summary['seed']}"
        if digest.diverged:
            yield f"{name} diverged: its loss is not a number. A smaller learning rate may help."
        if digest.standstill:
            yield f"{name}: {digest.standstill}"
