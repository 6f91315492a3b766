"""What a page needs to answer what-ifs at once: a program for each algorithm and cut, and the cohorts of the rounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.symbols import Script, Tables
from simulator.experiments.plan.closed_forms import FORMS, joules_of
from simulator.experiments.plan.cuts import cuts
from simulator.experiments.plan.explorer.symbolic import MOST_SIZES, SymbolicFleet
from simulator.experiments.plan.fleet import DoesNotHoldError, Fleet, problems
from simulator.experiments.plan.rounds import Planner, cut_of
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

EXPLORER = "explorer.json"
"""Its name in the folder of a run."""
FEWEST_ROUNDS, MOST_ROUNDS = 20, 100
"""The cohorts of at least and at most so many rounds are kept; else of twice as many as the longest entry has."""
MOST_DEVICES = 20
"""With larger cohorts, programs would be too large for a page."""
MOST_HEADS = 6
"""Of more cuts, so many are kept, evenly spread."""
MOST_CHARACTERS = 600_000
"""The most room on a page; cuts are left out until the rest fits."""
LATER = 2
"""The number of a round in which the same devices have taken part before (``Form.figures``)."""


def explorer(scenario: Scenario) -> dict[str, Any] | None:
    """Return what a page's sliders compute with, as plain data; None if no algorithm has a closed form.

    Rounds are later ones, in which devices already have what is sent once. Each entry has a program for each cut, for
    shards as they are and for equal ones, and for all samples and for pruned ones. A program is exact if nothing is in
    its doubts and all its conditions hold; else it leaves out what these name, and is an estimate.

    Args:
        scenario: the scenario.
    """
    planner = Planner(scenario, closed_forms=False)
    tables, entries = Tables(), planner.scenario.algorithms
    longest = max(entry.training.rounds for entry in entries)
    rounds = min(max(2 * longest, FEWEST_ROUNDS), MOST_ROUNDS)
    known = [
        _entry(planner, entry, _left_out(scenario, own, planner.scenario, entry), rounds, tables)
        for own, entry in zip(scenario.algorithms, entries, strict=True)
    ]
    if not any(entry["programs"] for entry in known):
        return None
    found = {"seed": scenario.seeds[0], "tables": tables.rows, "entries": known}
    return found if len(json.dumps(found)) <= MOST_CHARACTERS else _smaller(found)


def _entry(planner: Planner, entry: Entry, left_out: list[str], rounds: int, tables: Tables) -> dict[str, Any]:
    """Return the programs of one algorithm, and why it has none, or not for all values.

    Args:
        planner: has the scenario as it is planned.
        entry: the algorithm.
        left_out: what the planned scenario leaves out, which makes every program an estimate.
        rounds: of how many rounds the cohorts are wanted.
        tables: what the programs look values up in.
    """
    own_head, _ = cut_of(entry)
    known: dict[str, Any] = {
        "label": entry.label,
        "rounds": entry.training.rounds,
        "batch_size": entry.training.batch_size,
        "head": own_head,
        "kept": _kept(entry),
        "programs": [],
        "why_not": "",
    }
    if entry.training.driver.name != "synchronous":
        return known | {"why_not": f"its driver is {entry.training.driver.name}"}
    if getattr(entry.algorithm, "placement", None) or planner.settled(entry) is not entry:
        return known | {"why_not": "its cuts are chosen for each device"}
    if type(entry.algorithm) not in FORMS:
        return known | {"why_not": "it has no closed form"}
    try:
        fleet = Fleet(planner.scenario, entry, planner.seed, MOST_DEVICES)
    except DoesNotHoldError as reason:
        return known | {"why_not": str(reason)}
    known["cohorts"] = _cohorts(fleet, entry, planner.seed, rounds)
    for cut, _, _ in _spread(list(cuts(planner, entry)), own_head):
        for pruned in (False, True) if known["kept"] else (False,):
            for equal in (True, False):
                try:
                    program = _program(planner, _keeping(cut, pruned), fleet, tables, equal)
                except DoesNotHoldError as reason:
                    known["why_not"] = str(reason)
                    continue
                program["doubts"] = [*left_out, *program["doubts"]]
                known["programs"].append({"head": cut_of(cut)[0], "pruned": pruned, "equal": equal, **program})
    return known


def _left_out(scenario: Scenario, entry: Entry, planned: Scenario, planned_entry: Entry) -> list[str]:
    """Return what is in a scenario, but not in the planned one, which has no signals, and where nothing goes wrong."""
    remaining = problems(planned, planned_entry)
    ended = ["its budget ends it, whatever its rounds"] if entry.training.budget else []
    return [clause for clause in problems(scenario, entry) if clause not in remaining] + ended


def _program(planner: Planner, entry: Entry, fleet: Fleet, tables: Tables, equal: bool) -> dict[str, Any]:
    """Return the program of a round.

    Raises:
        DoesNotHoldError: the form needs what is not known before.
    """
    if not equal and entry.training.batch_size > MOST_SIZES:
        raise DoesNotHoldError(f"its batches have more than {MOST_SIZES} samples")
    script = Script(tables)
    symbolic = SymbolicFleet(fleet, entry, script, equal)
    members = symbolic.symbolic_members()
    form = FORMS[type(entry.algorithm)](planner.scenario, entry, planner.seed, symbolic)
    figures = form.figures(members, LATER)
    if not form.shares_links:
        symbolic.check_own_links(members, figures)
    doubts = list(symbolic.doubts)
    if getattr(form.algorithm, "prune", None) == "once" and form.algorithm.scores:
        doubts.append("the scores of first rounds are left out")
    outputs = {
        "seconds": figures.seconds,
        "up": figures.bytes_up,
        "down": figures.bytes_down,
        "joules": joules_of(symbolic, members, figures),
        "work": figures.device_flops,
    }
    for number, condition in enumerate(symbolic.conditions):
        outputs |= {f"lower{number}": condition.lower, f"upper{number}": condition.upper}
    lines, places = script.program(**outputs)
    return {
        "lines": lines,
        "outputs": places,
        "conditions": [condition.otherwise for condition in symbolic.conditions],
        "doubts": doubts,
    }


def _cohorts(fleet: Fleet, entry: Entry, seed: int, rounds: int) -> list[list[tuple[int, int]]]:
    """Return the cohort of each round: the group and the samples of each of its devices."""
    training, seeds = entry.training, Seeds(seed)
    return [
        [
            (fleet.group_of(client), len(client.data))
            for client in training.selection.choose(fleet.world.clients, training.clients_per_round, number, seeds)
        ]
        for number in range(1, rounds + 1)
    ]


def _kept(entry: Entry) -> tuple[str, str] | None:
    """Return the fraction of the samples that an algorithm keeps, as ``Fleet.kept`` reads it; None without pruning.

    Numerator and denominator are text, for they may have more digits than a browser's numbers.
    """
    share = getattr(entry.algorithm, "keep_fraction", None)
    return None if share is None else (str(Fraction(str(share)).numerator), str(Fraction(str(share)).denominator))


def _keeping(entry: Entry, pruned: bool) -> Entry:
    """Return an entry that keeps all samples or, for a program that asks how many, not all of them."""
    fraction = getattr(entry.algorithm, "keep_fraction", None)
    if fraction is None:
        return entry
    algorithm = entry.algorithm.model_copy(update={"keep_fraction": 0.5 if pruned else 1.0})
    return entry.model_copy(update={"algorithm": algorithm})


def _spread(found: Sequence[tuple[Entry, bool, int]], own_head: int | None) -> Iterator[tuple[Entry, bool, int]]:
    """Yield at most ``MOST_HEADS`` cuts, evenly spread, and the scenario's own."""
    step = max(1, -(-len(found) // MOST_HEADS))
    for number, cut in enumerate(found):
        if number % step == 0 or cut_of(cut[0])[0] == own_head:
            yield cut


def _smaller(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return what fits on a page: the scenario's own cuts only; None if even they are too large."""
    for entry in found["entries"]:
        entry["programs"] = [program for program in entry["programs"] if program["head"] == entry["head"]]
    return found if len(json.dumps(found)) <= MOST_CHARACTERS else None
