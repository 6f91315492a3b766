"""What a page needs to answer what-ifs at once: a program for each algorithm and cut, and the cohorts of the rounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.symbols import Script, Tables
from simulator.experiments.plan.closed_forms import FORMS, joules_of
from simulator.experiments.plan.cuts import cuts
from simulator.experiments.plan.explorer.symbolic import MOST_SIZES, SymbolicFleet
from simulator.experiments.plan.fleet import DoesNotHoldError, Fleet
from simulator.experiments.plan.rounds import Planner, cut_of
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

EXPLORER = "explorer.json"
"""Its name in the folder of a run."""
MOST_ROUNDS = 100
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
    its doubts and all its conditions hold; else it leaves waiting out, and is an estimate.

    Args:
        scenario: the scenario.
    """
    planner, seed = Planner(scenario, closed_forms=False), scenario.seeds[0]
    tables = Tables()
    entries = [_entry(planner, entry, seed, tables) for entry in planner.scenario.algorithms]
    if not any(entry["programs"] for entry in entries):
        return None
    found = {
        "groups": [group.name for group in planner.scenario.world.devices],
        "rounds": max(entry["rounds"] for entry in entries),
        "batch_size": planner.scenario.training.batch_size,
        "tables": tables.rows,
        "entries": entries,
    }
    return found if len(json.dumps(found)) <= MOST_CHARACTERS else _smaller(found)


def _entry(planner: Planner, entry: Entry, seed: int, tables: Tables) -> dict[str, Any]:
    """Return the programs of one algorithm, or why it has none."""
    own_head, _ = cut_of(entry)
    known: dict[str, Any] = {
        "label": entry.label,
        "rounds": entry.training.rounds,
        "head": own_head,
        "kept": _percent(entry),
        "programs": [],
        "why_not": "",
    }
    if entry.training.driver.name != "synchronous":
        return known | {"why_not": f"its driver is {entry.training.driver.name}"}
    if getattr(entry.algorithm, "placement", None) or planner.settled(entry) is not entry:
        return known | {"why_not": "its cuts are chosen for each device"}
    try:
        known["cohorts"] = _cohorts(planner.scenario, entry, seed)
        for cut, _, _ in _spread(list(cuts(planner, entry)), own_head):
            for pruned in (False, True) if known["kept"] else (False,):
                for equal in (True, False):
                    program = _program(planner.scenario, _keeping(cut, pruned), seed, tables, equal)
                    if program:
                        known["programs"].append({"head": cut_of(cut)[0], "pruned": pruned, "equal": equal, **program})
    except DoesNotHoldError as reason:
        return known | {"programs": [], "why_not": str(reason)}
    if not known["programs"]:
        known["why_not"] = "its closed form needs equal devices and shards"
    return known


def _program(scenario: Scenario, entry: Entry, seed: int, tables: Tables, equal: bool) -> dict[str, Any] | None:
    """Return the program of a round; None if the form needs what is not known before."""
    kind = FORMS.get(type(entry.algorithm))
    if kind is None:
        raise DoesNotHoldError("it has no closed form")
    if not equal and entry.training.batch_size > MOST_SIZES:
        return None
    script = Script(tables)
    fleet = SymbolicFleet(scenario, entry, seed, script, equal)
    if len(fleet.cohort) > MOST_DEVICES:
        raise DoesNotHoldError(f"more than {MOST_DEVICES} devices take part at once")
    members = fleet.symbolic_members()
    try:
        form = kind(scenario, entry, seed, fleet)
        figures = form.figures(members, LATER)
    except DoesNotHoldError:
        return None
    if not form.shares_links:
        fleet.check_own_links(members, figures)
    outputs = {
        "seconds": figures.seconds,
        "up": figures.bytes_up,
        "down": figures.bytes_down,
        "joules": joules_of(fleet, members, figures),
        "work": figures.device_flops,
    }
    for number, condition in enumerate(fleet.conditions):
        outputs |= {f"lower{number}": condition.lower, f"upper{number}": condition.upper}
    lines, places = script.program(**outputs)
    return {
        "lines": lines,
        "outputs": places,
        "conditions": [condition.otherwise for condition in fleet.conditions],
        "doubts": fleet.doubts,
    }


def _cohorts(scenario: Scenario, entry: Entry, seed: int) -> list[list[tuple[int, int]]]:
    """Return the cohort of each round: the group and the samples of each of its devices."""
    fleet, training, seeds = Fleet(scenario, entry, seed), entry.training, Seeds(seed)
    rounds = range(1, min(max(2 * training.rounds, 20), MOST_ROUNDS) + 1)
    return [
        [
            (fleet.group_of(client), len(client.data))
            for client in training.selection.choose(fleet.world.clients, training.clients_per_round, number, seeds)
        ]
        for number in rounds
    ]


def _percent(entry: Entry) -> float | None:
    """Return how many per cent of the samples an algorithm keeps; None if it does not prune."""
    fraction = getattr(entry.algorithm, "keep_fraction", None)
    return None if fraction is None else round(100 * fraction, 6)


def _keeping(entry: Entry, pruned: bool) -> Entry:
    """Return an entry that keeps all samples or, for a program that asks for the percentage, not all of them."""
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
