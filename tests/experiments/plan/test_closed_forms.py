"""Closed forms in a plan: the same figures as dry runs wherever they hold, and dry runs wherever they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.answers import answers
from simulator.experiments.plan.closed_forms import ClosedForms
from simulator.experiments.plan.cuts import points
from simulator.experiments.plan.fleet import DoesNotHoldError
from simulator.experiments.plan.rounds import Planner
from simulator.scenario.scenario import Scenario
from tests.helpers.closed_forms import NANO, PI, small
from tests.helpers.grids import grid
from tests.helpers.small_trials import scenario

HAVE_ONE = (
    *("fl", "fl-epochs", "fl-linear", "fl-bias", "fl-prompt", "fl-lora"),
    *("v1", "v1-sent", "v1-linear", "v1-linear-sent", "v1-prompt", "v1-cut"),
    *("sfp", "sfp-easiest", "sfp-random", "sfp-all", "sfp-no-local", "sfp-no-split"),
    *("in-turn", "in-turn-sent", "psl", "epsl", "epsl-all", "v2-linear", "frozen"),
)
"""Entries with a twin where the server has slots enough, whatever the devices; some want equal shards."""
ALIKE = ("fl-bias", "fl-lora", "v1-prompt", "v1-linear-sent", "v1-cut", "sfp-all", "sfp-no-local", "epsl-all")
"""Their figures have the forms of those before them."""
IN_TURN = ("v2-sent", "v2-exclusive")
"""Those whose devices take turns: they must be equal."""


def check_same(settings: Scenario, *places: dict[str, Any]) -> None:
    """Check that rounds have closed forms, with the figures of dry runs."""
    closed, dry = Planner(settings), Planner(settings, closed_forms=False)
    for where in places:
        found, wanted = (planner.round(settings.algorithms[0], **where) for planner in (closed, dry))
        assert found.smashed == wanted.smashed
        assert found[:-1] == pytest.approx(wanted[:-1], rel=1e-9)
    assert (closed.closed.total(), closed.dry) == (len(places), {})
    assert (dry.closed.total(), dry.dry) == (0, {})


@pytest.mark.parametrize("label", grid(HAVE_ONE, often=lambda label: label not in ALIKE))
def test_figures_are_those_of_a_dry_run(label: str, tmp_path: Path) -> None:
    """In batches of eight each epoch ends with a smaller one; SplitFrozen wants full ones."""
    settings = small(tmp_path, label, training={"batch_size": 7 if label == "frozen" else 8})
    check_same(settings, {"speed": 0.03}, {"samples": 21})


@pytest.mark.parametrize("label", IN_TURN)
def test_equal_devices_take_turns(label: str, tmp_path: Path) -> None:
    settings = small(tmp_path, label, devices=[PI | {"count": 4}], training={"batch_size": 7})
    check_same(settings, {}, {"speed": 300.0, "samples": 49})


SIGNAL = {"name": "periodic", "period": "1 s", "low": 0}
REASONS: list[tuple[str, str, dict[str, Any]]] = [
    ("devices share the server's downlink", "v1", {"server": {"downlink": {"rate": "30 Mbit/s"}}}),
    ("devices share the server's uplink", "fl", {"server": {"uplink": {"rate": "30 Mbit/s"}}}),
    ("works wait at the server", "v1", {"server": {"slots": 3}}),
    ("works wait at the server", "sfp", {"server": {"slots": 1}}),
    ("the server's queue is processor_sharing", "sfp", {"server": {"queue": {"name": "processor_sharing"}}}),
    ("works share passes at the server", "sfp", {"server": {"batching": {"most": 2}}}),
    ("devices interleave on one body", "v2", {"devices": [PI | {"count": 4}]}),
    ("devices, links or batches differ", "v2-sent", {}),
    ("devices, links or batches differ", "v2-sent", {"devices": [PI | {"count": 4}], "training": {"batch_size": 8}}),
    ("the order of turns", "v2-in-order", {"devices": [PI | {"count": 4}]}),
    ("shards or batches differ", "frozen", {"training": {"batch_size": 8}}),
    ("smashed data are cached", "frozen-plain", {"training": {"batch_size": 7}}),
    ("shards differ", "epsl", {"data": {"partition": {"name": "dirichlet", "alpha": 0.5, "min_samples": 2}}}),
    ("links lose bytes", "fl", {"devices": [PI, NANO | {"uplink": {"rate": "8 Mbit/s", "loss": 0.1}}]}),
    (
        "the rate of a link varies",
        "fl",
        {"devices": [PI, PI | {"uplink": {"rate": "8 Mbit/s", "signal": SIGNAL}}]},
    ),
    ("something can go wrong", "fl", {"devices": [PI, PI | {"dropout": {"training": 0.1}}]}),
    ("by_weight selects the cohort", "fl", {"training": {"selection": {"name": "by_weight"}}}),
    ("fedprox has no closed form", "prox", {}),
    ("devices are behind edges", "fl", {"world": {"edges": [{"name": "a100", "devices": {"raspberry-pi-4": 2}}]}}),
]


@pytest.mark.parametrize(("reason", "label", "changes"), REASONS, ids=[f"{why}-{who}" for why, who, _ in REASONS])
def test_no_closed_form_holds_where_an_assumption_does_not(
    reason: str, label: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    settings = small(tmp_path, label, **{"training": {"clients_per_round": 4}, **changes})
    with pytest.raises(DoesNotHoldError, match=reason):
        ClosedForms(settings, 0).round(settings.algorithms[0])


@pytest.mark.parametrize(
    ("label", "changes"),
    [
        ("in-turn", {"server": {"downlink": {"rate": "1 Mbit/s"}, "slots": 1}}),
        ("v1", {"server": {"downlink": {"rate": "1 Mbit/s"}, "slots": 1}, "training": {"clients_per_round": 1}}),
        ("v2", {"training": {"clients_per_round": 1}}),
        ("v1-sent", {"devices": [PI | {"count": 4}], "server": {"slots": 1}, "training": {"batch_size": 7}}),
    ],
)
def test_a_closed_form_holds_where_nobody_is_in_the_way(label: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """One device at a time needs neither slots nor a port of its own; equal devices may take turns at one slot."""
    check_same(small(tmp_path, label, **changes), {"speed": 2.0})


def test_what_is_compressed_is_run_dry(tmp_path: Path) -> None:
    settings = scenario(tmp_path, ["v1-fedlite"])
    with pytest.raises(DoesNotHoldError, match="payloads are compressed"):
        ClosedForms(settings, 0).round(settings.algorithms[0])


@pytest.mark.parametrize("label", ["fl", "sfp-easiest", "epsl", "psl", "in-turn"])
def test_later_rounds_are_those_of_dry_runs(label: str, tmp_path: Path) -> None:
    """SFPrompt prunes once, and EPSL sends each device its part once: then the second round is another one."""
    settings = small(tmp_path, label)
    closed, dry = Planner(settings), Planner(settings, closed_forms=False)
    found, wanted = (planner.repeated(settings.algorithms[0]) for planner in (closed, dry))
    assert [value for each in found for value in each] == pytest.approx([value for each in wanted for value in each])
    assert (found[0] != found[1]) == (label not in ("fl", "in-turn"))
    assert closed.closed.total() == 2


def test_a_plan_says_what_was_run(tmp_path: Path) -> None:
    """The same plan with and without closed forms; the account names those that need dry runs, and why."""
    settings = small(tmp_path, "fl", "v1", "prox", training={"clients_per_round": 2})
    whole, split, other = settings.algorithms
    few_cuts = split.model_copy(update={"algorithm": split.algorithm.model_copy(update={"tail": 4})})
    settings = settings.model_copy(update={"algorithms": (whole, few_cuts, other)})
    plans = [Planner(settings), Planner(settings, closed_forms=False)]
    found, dry = map(points, plans)
    assert answers(plans[0], found) == answers(plans[1], dry)
    assert [each.memory for each in found] == [each.memory for each in dry]
    for at, cut in enumerate(found):
        assert cut.round[:-1] == pytest.approx(dry[at].round[:-1], rel=1e-9)
    first, *others = plans[0].account()
    assert plans[0].closed.keys() == {"fl", "v1"}
    assert first.startswith(f"{plans[0].closed.total()} of ")
    assert others == ["prox: dry runs for 12 of its rounds, because fedprox has no closed form."]
    assert list(plans[1].account()) == []
