"""Verify the folder of a run, a sweep or a search: one line for each check, and whether all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.reading import RunError, check_folder, first_line, read_json, read_yaml
from simulator.accounting.ledger import Ledger
from simulator.accounting.stored import StoredLedgerError, read_ledger
from simulator.experiments.run.manifest import MANIFEST, ManifestError, check_manifest
from simulator.experiments.run.tables import LEDGER, SUMMARY
from simulator.experiments.verify.check import Check
from simulator.experiments.verify.figures import MADE, Tables, moments, path_differences, read_rows, summary_differences
from simulator.experiments.verify.laws import laws
from simulator.experiments.verify.page import report_differences
from simulator.experiments.verify.rebuilt import priced_scenario, rebuilt
from simulator.settings.errors import ScenarioError
from simulator.settings.files import RUN_UNDER_WAY

TABLES_NEEDED = ("sites", "works", "transfers", "engagements", "absences", "rounds")


_STUDIES = {"sweep": ("sweep.yaml", "points.csv"), "search": ("search.yaml", "suggestions.csv")}
"""By kind of a folder with many trials, the files by which it is recognised: what it is, and the table of trials."""


def verify(folder: Path) -> Iterator[Check]:
    """Yield the checks of the folder of a run, a sweep or a search, each when it is done.

    Raises:
        RunError: the folder is none of them.
    """
    check_folder(folder)
    for kind, names in _STUDIES.items():
        if all((folder / name).is_file() for name in names):
            yield from _study(folder, kind, names[1])
            return
    if (folder / SUMMARY).is_file():
        study = folder.absolute().parents[1] if folder.absolute().parent.name == "trials" else folder
        yield from _run(folder, any((study / name).is_file() for name, _ in _STUDIES.values()))
    elif (folder / RUN_UNDER_WAY).is_dir():
        raise RunError(f"{folder}: no trial of this run is finished; sfsim run ... --resume goes on with it")
    else:
        raise RunError(f"{folder}: neither a run nor a sweep: it has no {SUMMARY}, and no points.csv")


def _study(folder: Path, kind: str, table: str) -> Iterator[Check]:
    """Yield the checks of a sweep or a search: of its table of trials, and of each of its trials.

    Args:
        folder: its folder.
        kind: "sweep" or "search".
        table: the name of its table.
    """
    try:
        rows = read_rows(folder / table)
        done = [row for row in rows if row["status"] == "done"]
        # A point of a search has a trial for each of its seeds.
        by_trial = {key: row for row in done for key in row["trial" if kind == "sweep" else "trials"].split()}
    except (RunError, KeyError, AttributeError) as error:
        problem = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be read: {first_line(error)}"
        yield Check(table, (problem,))
        return
    what = "trials" if kind == "sweep" else "suggestions"
    yield Check.of(table, _points(folder, by_trial), f"{len(done)} of {len(rows)} {what} are done")
    for key in by_trial:
        place = folder / "trials" / key
        if not (place / SUMMARY).is_file():
            continue
        found = list(_run(place, of_study=True))
        problems = [f"{check.name}: {problem}" for check in found for problem in check.problems]
        notes = [f"{check.name} not checked" for check in found if check.is_left_out]
        yield Check.of(f"trial {key}", problems, ", ".join([f"{len(found)} checks", *notes]))
    yield Check(f"the {kind}'s own report and figures", note="not checked: they are not drawn anew")


def _points(folder: Path, done: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for key, row in done.items():
        try:
            (trial,) = read_json(folder / "trials" / key / SUMMARY)["trials"]
            there = {name: str(trial[name]) for name in ("label", "algorithm", "seed") if name in row}
        except (RunError, ValueError, KeyError, TypeError):
            yield f"trial {key} is said to be done, and cannot be read"
            continue
        for name, value in there.items():
            if value != row[name]:
                yield f"trial {key}: {name} is {row[name]}, and in its folder {value}"


def _run(folder: Path, of_study: bool) -> Iterator[Check]:
    """Yield the checks of a run, or of a trial of a sweep or a search, which may keep no ledger."""
    yield _files(folder)
    try:
        head, scenario = read_json(folder / SUMMARY), read_yaml(folder / "scenario.yaml")
        trials = [dict(trial) for trial in head["trials"]]
        names = [f"{trial['label']}-{trial['seed']}" for trial in trials]
        if not names:
            raise ValueError("there is no trial")
        for key, kind in (("label", str), ("algorithm", str), ("seed", int)):
            if not all(type(trial[key]) is kind for trial in trials):
                raise ValueError(f"a trial has no sound {key}")
    except (RunError, KeyError, TypeError, ValueError) as error:
        problem = f"a trial lacks {error}" if isinstance(error, KeyError) else first_line(error)
        yield Check("summary", (f"{SUMMARY}: cannot be read: {problem}",))
        return
    tables = Tables(folder)
    yield Check.of("trials", _trials(folder, trials, scenario, tables), f"{len(trials)}")
    try:
        priced, unpriced = priced_scenario(folder, scenario), ""
    except ScenarioError as error:
        priced, unpriced = None, f"not checked: the scenario cannot be loaded: {str(error).splitlines()[0]}"
    for name, told in zip(names, trials, strict=True):
        if (folder / LEDGER).exists():
            yield from _trial(folder, name, told, tables, scenario, priced, unpriced, str(head.get("task")))
        elif of_study:
            yield Check(name, note="not checked: the trial keeps no ledger")
        else:
            yield Check(name, (f"{LEDGER}: this folder is missing",))
    yield _report(folder, str(head.get("version") or ""))


def _files(folder: Path) -> Check:
    if not (folder / MANIFEST).is_file():
        return Check("files", note=f"not checked: there is no {MANIFEST}, as in runs of earlier versions")
    try:
        problems = check_manifest(folder)
        count = len(json.loads((folder / MANIFEST).read_bytes())["files"])
    except (ManifestError, OSError) as error:
        return Check("files", (str(error),))
    return Check.of("files", problems, f"{count} have the hashes that {MANIFEST} says")


def _trials(folder: Path, trials: list[dict[str, Any]], scenario: Mapping[str, Any], tables: Tables) -> Iterator[str]:
    """Yield what does not fit together: the trials of the summary, the scenario, the ledgers and the tables."""
    entries = scenario.get("algorithms")
    known = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    said = [(entry.get("label") or entry.get("name"), entry.get("name")) for entry in known]
    for trial in trials:
        if (trial["label"], trial["algorithm"]) not in said:
            yield f"scenario.yaml: has no entry {trial['label']!r} of algorithm {trial['algorithm']!r}"
    names = {f"{trial['label']}-{trial['seed']}" for trial in trials}
    if len(names) < len(trials):
        yield f"{SUMMARY}: a trial appears twice"
    if (folder / LEDGER).is_dir():
        there = {path.name for path in (folder / LEDGER).iterdir() if path.is_dir() and path.name[0] != "."}
        yield from (f"{LEDGER}/{name}: {SUMMARY} has no such trial" for name in sorted(there - names))
    yield from tables.foreign(trials)


def _trial(
    folder: Path,
    name: str,
    told: dict[str, Any],
    tables: Tables,
    scenario: Mapping[str, Any],
    priced: Any,
    unpriced: str,
    task: str,
) -> Iterator[Check]:
    """Yield the checks of one trial: the laws of its ledger, its tables and its summary."""
    place = folder / LEDGER / name
    missing = [table for table in TABLES_NEEDED if not (place / f"{table}.parquet").is_file()]
    if missing:
        yield Check(
            f"{name}: ledger", tuple(f"{LEDGER}/{name}/{table}.parquet: this file is missing" for table in missing)
        )
        return
    try:
        ledger = read_ledger(place)
        rows = tables.rows("rounds.csv", told) or []
        end, rounds = float(told["sim_time_s"]), int(told["rounds"])
        processors = {row.name: _shares(scenario, row.name, row.role) for row in ledger.sites if row.role != "device"}
        problems = [
            f"{LEDGER}/{name}/{problem}" for _, found in laws(ledger, end, rounds, processors) for problem in found
        ]
        problems += [f"{LEDGER}/{name}/{problem}" for problem in _devices(ledger, scenario)]
        count = sum(len(table) for table in ledger.tables().values())
        yield Check.of(f"{name}: laws of the ledger", problems, f"{count:,} rows")
        if not rows:
            yield Check(f"{name}: tables", (f"rounds.csv: has no row of {name}",))
            return
        outcome = rebuilt(told, rows, ledger, priced)
        differences = [*moments(rows, ledger, name, end), *path_differences(place / "critical_path.parquet", outcome)]
        for table in MADE:
            if not (table == "costs.csv" and unpriced):
                differences += tables.differences(table, told, outcome)
        yield Check.of(f"{name}: tables", differences, unpriced and f"costs.csv is {unpriced}")
        yield Check.of(f"{name}: summary", summary_differences(told, rows, outcome, scenario, task))
    except (StoredLedgerError, RunError) as error:
        yield Check(f"{name}: ledger", (str(error),))
    except Exception as error:  # a damaged file may hold anything
        yield Check(f"{name}: ledger", (f"cannot be counted: {type(error).__name__}: {first_line(error)}",))


def _devices(ledger: Ledger, scenario: Mapping[str, Any]) -> Iterator[str]:
    """Yield whether there are as many devices as the scenario says."""
    world = scenario.get("world")
    groups = world.get("devices") if isinstance(world, Mapping) else None
    if isinstance(groups, list) and all(isinstance(group, Mapping) for group in groups):
        said = sum(int(group.get("count", 1)) for group in groups)
        there = sum(row.role == "device" for row in ledger.sites)
        if there != said:
            yield f"sites.parquet: there are {there} devices, and {said} in scenario.yaml"


def _shares(scenario: Mapping[str, Any], name: str, role: str) -> bool:
    """Return whether any number of works share the slots of a server."""
    from analysis.serving import queue_of

    return queue_of(scenario, name, role) == "processor_sharing"


def _report(folder: Path, written: str) -> Check:
    """Return the check of the report: whether it says what the files say."""
    if not (folder / "report.html").is_file():
        return Check("report", note="not checked: there is none")
    if written != version("sfsim"):
        return Check(
            "report", note=f"not checked: it is from sfsim {written or '(no version)'}, this is {version('sfsim')}"
        )
    try:
        return Check.of("report", report_differences(folder))
    except Exception as error:  # a damaged file may hold anything
        return Check("report", (f"cannot be compared: {first_line(error)}",))
