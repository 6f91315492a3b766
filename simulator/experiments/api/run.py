"""`simulator.run`: all trials of a scenario, or one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, overload

from analysis.trackers import chosen
from simulator.calibration.calibrate import unknown
from simulator.experiments.api.inputs import AnyScenario, Folder, scenario_of
from simulator.experiments.api.results import Run
from simulator.experiments.run.consoles import session_console
from simulator.experiments.run.run import run_into
from simulator.experiments.run.tracking import send
from simulator.experiments.trial.trial import run as run_trial
from simulator.experiments.trial.validate import notices

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.experiments.trial.simulate import Progress
    from simulator.scenario.scenario import Entry, Scenario


@overload
def run(
    scenario: AnyScenario,
    *,
    dry: bool = False,
    out: Path | str | None = None,
    force: bool = False,
    resume: bool = False,
    jobs: int | None = 1,
    progress: bool | None = None,
    plugins: Sequence[Path | str] = (),
    track: Sequence[str] = (),
) -> Run: ...


@overload
def run(
    scenario: Scenario,
    entry: Entry,
    seed: int,
    dry: bool = False,
    progress: Progress | None = None,
    without: frozenset[str] = frozenset(),
) -> TrialResult: ...


def run(
    scenario: AnyScenario,
    entry: Entry | None = None,
    seed: int | None = None,
    dry: bool = False,
    progress: Progress | bool | None = None,
    without: frozenset[str] = frozenset(),
    *,
    out: Path | str | None = None,
    force: bool = False,
    resume: bool = False,
    jobs: int | None = 1,
    plugins: Sequence[Path | str] = (),
    track: Sequence[str] = (),
) -> Run | TrialResult:
    """Run every algorithm of a scenario with every seed, or, with ``entry`` and ``seed``, one of them.

    Examples:
        >>> import simulator as sf
        >>> scenario = sf.load("scenarios/quickstart.yaml").with_(training__rounds=1)
        >>> result = sf.run(scenario, dry=True)
        >>> list(result.summary["label"])
        ['FL', 'SFL+FF', 'SFL+Linear', 'SFPrompt']
        >>> trial = sf.run(scenario, scenario.algorithms[0], seed=0, dry=True)
        >>> bool(trial.rounds[-1].sim_time_s == result.summary["sim_time_s"][0])
        True

    Args:
        scenario: a scenario, or the path of its file, or a mapping with what the file would have.
        entry: one of its algorithms, to run this one alone; None: all of them.
        seed: the seed of this one trial.
        dry: simulate without training; everything but accuracy is as in a real run.
        progress: show it; None: only in a terminal or a notebook. Of one trial: called with the state of each round.
        without: names of devices that are never chosen in this one trial.
        out: the run folder, complete with figures and report as ``sfsim run`` writes it; None: a temporary one, which
            is removed with the result.
        force: replace an earlier run in ``out``.
        resume: go on with the run in ``out``, which was interrupted.
        jobs: how many trials run at once; None: as many as cores, threads and memory allow. With one, they run in this
            process.
        plugins: Python files with algorithms or other choices that the scenario's file names; of a scenario that is
            loaded already, ``load`` has taken them.
        track: trackers that get the results at the end: "tensorboard", "mlflow" or "wandb". They need ``out``.

    Returns:
        A ``Run``; of one trial, its ``TrialResult``.

    Raises:
        ScenarioError: the scenario cannot be run as it is.
        FileExistsError: ``out`` holds something that may not be replaced.
        TrackerError: there is no such tracker, or its package is not installed.
        TypeError: only one of ``entry`` and ``seed`` is given, or an argument that does not go with them.
    """
    if (entry is None) != (seed is None):
        raise TypeError("run() takes entry and seed together, for one trial, or neither, for all trials")
    if track and out is None:
        raise TypeError("run() takes track with out only: a temporary folder is gone before anybody looks")
    if track:
        chosen(track)
    if entry is not None and (out is not None or force):
        raise TypeError("run() takes out and force with all trials only: one trial is returned, and nothing is written")
    if entry is None and without:
        raise TypeError("run() takes without for one trial only: name its entry and seed, too")
    scenario = scenario_of(scenario, plugins)
    if entry is not None and seed is not None:
        return run_trial(scenario, entry, seed, dry, progress if callable(progress) else lambda _: None, without)
    if callable(progress):
        raise TypeError("run() takes a function as progress for one trial only: with all trials, True, False or None")
    told = [*chain(notices(scenario, dry), unknown(scenario))]
    with Folder.to_write(out, scenario.name) as folder:
        results = run_into(
            folder.path,
            scenario,
            dry=dry,
            console=session_console(progress),
            force=force,
            resume=resume,
            jobs=jobs,
            report=not folder.temporary,
            tell=told.append,
        )
    send(folder.path, track, told.append)
    return Run(folder, results, told)
