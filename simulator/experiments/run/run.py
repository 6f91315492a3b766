"""Run every algorithm of a scenario with every seed: show progress, print a table and write a run folder."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from simulator.experiments.plan.explorer.explorer import EXPLORER, explorer
from simulator.experiments.run.consoles import bars, shows_bars, standard_console, status
from simulator.experiments.run.folders import free_folder, staged
from simulator.experiments.run.losses import losses, wasted_share
from simulator.experiments.run.settled import said, spread
from simulator.experiments.run.tables import Summary, summary_of, write
from simulator.experiments.run.verdict import tell_verdict
from simulator.experiments.trial.build import torch_device
from simulator.experiments.trial.memory_check import Tell, devices_left_out, dry_run_that_fits
from simulator.experiments.trial.result import RoundResult, TrialResult
from simulator.experiments.trial.trial import run as run_trial
from simulator.experiments.trial.validate import check
from simulator.settings.humanize import Kind, human
from simulator.settings.terminal import print_on

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

COSTS: tuple[tuple[str, str, Kind], ...] = (("cost", "cost_usd", "usd"), ("carbon", "carbon_kg", "kg"))
"""The columns of the table that only scenarios with prices or carbon intensities have."""
_SHORT = 8
"""A label is given at least this many characters before figures are broken."""
_GAP = 2
"""The characters between two columns."""


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
    def of(cls, scenario: Scenario, outcomes: Sequence[TrialResult]) -> Results:
        """Return what is shown of the results of all trials, from which the ledgers are left out."""
        by_label = _by_label(scenario, outcomes)
        summaries = {label: [summary_of(trial, scenario) for trial in trials] for label, trials in by_label.items()}
        shares = {label: sum(map(wasted_share, trials)) / len(trials) for label, trials in by_label.items()}
        most = max(sum(point.score is not None and point.round > 0 for point in trial.rounds) for trial in outcomes)
        accuracies = list(said(scenario, summaries, most))
        return cls(scenario, summaries, shares, accuracies, list(_remarks(by_label)))

    def table(self, width: int) -> Table:
        """Return the table of results for lines of so many characters: one row for each algorithm."""
        return _table(self.scenario, self.summaries, self.shares, width)


def run_scenario(
    scenario: Scenario,
    *,
    dry: bool = False,
    out: Path | None = None,
    force: bool = False,
    console: Console | None = None,
) -> Path:
    """Run all trials, write the run folder, print the table of results, and return the folder's path.

    Args:
        scenario: what to run.
        dry: simulate without training; everything but accuracy is as in a real run.
        out: the run folder; None: ``runs/<scenario>-<n>`` with the first free number.
        force: replace an earlier run in ``out``.
        console: where progress and the table are printed; None: standard output.

    Raises:
        ScenarioError: the scenario cannot be run as it is; no trial was trained.
        FolderTakenError: ``out`` holds something that may not be replaced.
    """
    console = console or standard_console()
    folder = out or free_folder(scenario.name)
    results = run_into(folder, scenario, dry=dry, force=force, console=console)
    print_on(console, results.table(console.width))
    for sentence in results.accuracies:
        console.print(sentence, soft_wrap=True, markup=False)
    from analysis import load_run
    from analysis.verdict import verdict_of_run

    tell_verdict(verdict_of_run(load_run(folder)), console)
    for sentence in results.remarks:
        console.print(sentence, soft_wrap=True, markup=False)
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True, markup=False)
    return folder


def run_into(
    folder: Path,
    scenario: Scenario,
    *,
    dry: bool,
    console: Console,
    force: bool = False,
    report: bool = True,
    tell: Tell | None = None,
) -> Results:
    """Run all trials with progress, write the run folder, and return what is shown of it.

    Args:
        folder: the run folder.
        scenario: what to run.
        dry: simulate without training.
        console: where progress is shown.
        force: replace an earlier run in ``folder``.
        report: draw the figures and the report, too.
        tell: called with each line that the user should read before results; None: it is printed.

    Raises:
        ScenarioError: the scenario cannot be run as it is; no trial was trained.
        FolderTakenError: ``folder`` holds something that may not be replaced.
    """
    check(scenario, dry)
    with staged(folder, force) as partial:
        tell = tell or functools.partial(console.print, soft_wrap=True, markup=False)
        outcomes = _trials(scenario, dry, console, tell)
        write(partial, scenario, outcomes, dry, torch_device(scenario, dry))
        if report:
            from analysis import write_figures, write_report

            write_explorer(partial, scenario, tell)
            write_report(partial, write_figures(partial))
    return Results.of(scenario, outcomes)


def write_explorer(folder: Path, scenario: Scenario, tell: Tell) -> None:
    """Write what the sliders of the page compute with, if there is anything; a failure costs the sliders alone.

    Args:
        folder: the run folder.
        scenario: what was run.
        tell: called with a line if the page has no sliders because of an error.
    """
    try:
        programs = explorer(scenario)
    except Exception as error:  # whatever it is: the trials are done, and must not be lost for some sliders
        tell(f"The page has no sliders: {type(error).__name__}: {error}")
        return
    if programs:
        (folder / EXPLORER).write_text(json.dumps(programs, separators=(",", ":")), encoding="utf-8")


def _remarks(by_label: Mapping[str, Sequence[TrialResult]]) -> Iterator[str]:
    """Yield sentences on what was lost, and on the trials that went wrong."""
    for label, trials in by_label.items():
        yield from losses(label, trials)
    for trial in (trial for trials in by_label.values() for trial in trials):
        name, score = f"{trial.entry.label}, seed {trial.seed}", trial.rounds[-1].score
        if score and not isfinite(score.loss):
            yield f"{name} diverged: its loss is not a number. A smaller learning rate may help."
        if trial.standstill:
            yield f"{name}: {trial.standstill}"


def _trials(scenario: Scenario, dry: bool, console: Console, tell: Tell) -> list[TrialResult]:
    outcomes = []
    with status(console, "Does it fit into memory?"):
        fits = {} if dry else devices_left_out(scenario, tell)
    with bars(console, state=True) as progress:
        for entry in scenario.algorithms:
            for seed in scenario.seeds:
                name = entry.label if len(scenario.seeds) == 1 else f"{entry.label}, seed {seed}"
                steps = entry.training.rounds if entry.training.budget is None else 100  # per cent of the budget
                bar = progress.add_task(name, total=steps, state="")
                show = _shown(progress, bar, steps)
                if dry:
                    outcomes.append(dry_run_that_fits(scenario, entry, seed, show, tell))
                else:
                    without = fits[entry.label, seed]
                    outcomes.append(run_trial(scenario, entry, seed, progress=show, without=without))
                if not shows_bars(console):  # in a log the bars would be drawn only at the end, so print each trial
                    state, wall = progress.tasks[bar].fields["state"], human("seconds", outcomes[-1].wall_time_s)
                    console.print(f"{name}: {state}, ran for {wall}", markup=False)
    return outcomes


def _shown(progress: Progress, bar: TaskID, steps: int) -> Callable[[RoundResult], None]:
    def show(point: RoundResult) -> None:
        state = f"simulated {human('seconds', point.sim_time_s)}"
        if point.score:
            state += f", accuracy {point.score.accuracy:.3f}"
        progress.update(bar, completed=min(steps, int(steps * point.done)), state=state)

    return show


def _table(
    scenario: Scenario, summaries: Mapping[str, Sequence[Summary]], shares: Mapping[str, float], width: int
) -> Table:
    """Build the table of results: one row for each algorithm, with means over seeds.

    No figure is cut off: labels are broken where there is little room, and figures too where there is less.

    Args:
        scenario: the scenario.
        summaries: by label, the summary of each seed's trial.
        shares: by label, the share of the devices' busy time that was in vain.
        width: how many characters a line has.
    """
    target = scenario.target_accuracy
    trials = [row for rows in summaries.values() for row in rows]
    measures: list[tuple[str, str, Kind]] = [
        ("time", "sim_time_s", "seconds"),
        ("up", "bytes_up", "bytes"),
        ("down", "bytes_down", "bytes"),
        ("work", "client_flops", "flops"),
        ("energy", "client_energy_j", "joules"),
    ]
    if target is not None:
        measures.insert(1, (f"to {target:.0%}", "time_to_target_held_s", "seconds"))
    if any(row["lost_updates"] for row in trials) or len({row["updates"] for row in trials}) > 1:
        measures.append(("updates", "updates", "count"))
    measures += [(name, key, kind) for name, key, kind in COSTS if any(row[key] is not None for row in trials)]
    cells = {
        label: [
            spread([row["settled_accuracy"] for row in rows]),
            *(human(kind, _mean(rows, key)) for _, key, kind in measures),
        ]
        for label, rows in summaries.items()
    }
    headings, title = ["accuracy", *(heading for heading, _, _ in measures)], "traffic, work and energy of the devices"
    if any(shares.values()):
        headings, title = [*headings, "wasted"], f"{title}; wasted: the share of their busy time"
        cells = {label: [*texts, human("fraction", shares[label])] for label, texts in cells.items()}
    title = f"{scenario.name} ({title})"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    columns = [cells.keys(), *zip(headings, *cells.values(), strict=True)]
    longest, *figures = (max(map(len, texts)) for texts in columns)
    roomy = min(longest, _SHORT) + sum(figures) + _GAP * len(columns) <= width
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=roomy, overflow="fold")
    for label, texts in cells.items():
        table.add_row(label, *texts)
    return table


def _by_label(scenario: Scenario, outcomes: Sequence[TrialResult]) -> dict[str, list[TrialResult]]:
    """Return the results of trials by the labels of their entries, in the scenario's order."""
    labels = [entry.label for entry in scenario.algorithms]
    return {label: [outcome for outcome in outcomes if outcome.entry.label == label] for label in labels}


def _mean(rows: Sequence[Summary], key: str) -> float | None:
    """Return the mean over seeds, or None if one of them has no value."""
    values = [row[key] for row in rows]
    return None if None in values else sum(values) / len(values)
