"""Trials over links that vary and lose bytes: a dry run charges the same, and algorithms are compared on one signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.rounds import Planner
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check, notices
from simulator.scenario.scenario import Scenario, ScenarioError, load
from tests.helpers.small_trials import outcomes, scenario

pytestmark = pytest.mark.usefixtures("small_model")

MARKOV = {"name": "markov", "mean_good": "200 ms", "mean_bad": "200 ms", "bad": 0}


def varied(folder: Path, labels: list[str], uplink: dict[str, Any], downlink: Any = "lte", **changes: Any) -> Scenario:
    """The small scenario with these links for all devices."""
    up = {"rate": "2 Mbit/s", "latency": "5 ms", **uplink}
    world = {"devices": [{"name": "raspberry-pi-4", "count": 100, "uplink": up, "downlink": downlink}]}
    return scenario(folder, labels, world=world, **changes)


@pytest.mark.parametrize("label", ["fl", "v2", "sfp"])
def test_dry_is_real(label: str, tmp_path: Path) -> None:
    down = {"link": "lte", "signal": {"name": "periodic", "period": "300 ms"}, "loss": 0.1}
    small = varied(tmp_path, [label], {"signal": MARKOV, "loss": 0.2}, down)
    dry, real = (outcomes(small, dry)[label] for dry in (True, False))
    for name, table in dry.ledger.tables().items():
        assert list(table) == list(real.ledger.tables()[name]), name
    rows = list(real.ledger.transfers)
    assert sum(row.lost for row in rows) > 0.1 * sum(row.bytes for row in rows) > 0
    assert all(row.lost < row.bytes for row in rows)


def test_the_same_seed_has_the_same_digits_and_another_has_others(tmp_path: Path) -> None:
    small = varied(tmp_path, ["fl"], {"signal": MARKOV})
    first, again, other = (list(outcomes(small, dry=True, seed=seed)["fl"].ledger.transfers) for seed in (0, 0, 1))
    assert first == again
    assert [row.seconds for row in first] != [row.seconds for row in other]


def test_all_algorithms_of_a_scenario_see_the_same_signals(tmp_path: Path) -> None:
    small = varied(tmp_path, ["fl", "v1"], {"signal": MARKOV})

    def changes(index: int) -> dict[str, list[float]]:
        seen = {}
        for client in Simulation(small, small.algorithms[index], seed=3, dry=True).world.clients[:5]:
            signal, moments = client.site.uplink.signal, [0.0]
            assert signal
            for _ in range(20):
                moments.append(signal.next_change(moments[-1]))
            seen[client.name] = moments
        return seen

    assert changes(0) == changes(1)
    assert len({tuple(moments) for moments in changes(0).values()}) == 5


def test_uploads_over_a_slow_link_take_longer_and_draw_upload_watts_all_the_time(tmp_path: Path) -> None:
    slow = {"name": "trace", "points": [["0 s", 0.1]]}

    def uploads(uplink: dict[str, Any]) -> tuple[float, float, int]:
        small = varied(tmp_path, ["fl"], uplink)
        outcome = run(small, small.algorithms[0], seed=0, dry=True)
        up = [use for use in outcome.uses if use.side == "client" and use.activity == "upload"]
        watts = {name: power.upload - power.idle for name, power in outcome.power.items()}
        drawn = sum(use.energy_j for use in up)
        assert drawn == pytest.approx(sum(watts[use.site] * use.seconds for use in up))
        return sum(use.seconds for use in up), drawn, sum(use.bytes for use in up)

    seconds, joules, sent = uploads({})
    assert joules > 0
    assert uploads({"signal": slow}) == pytest.approx((10 * seconds, 10 * joules, sent))
    assert uploads({"loss": 0.5}) == pytest.approx((2 * seconds, 2 * joules, 2 * sent), rel=1e-5)
    paused = {"name": "outage", "windows": [["0 s", "1 h"]]}
    assert uploads({"signal": paused})[0] > 3000  # the radio waits


def test_plans_and_cut_policies_take_the_nominal_rates(tmp_path: Path) -> None:
    slow = {"name": "trace", "points": [["0 s", 0.01]]}
    varying, steady = (varied(tmp_path, ["v1-fastest"], uplink) for uplink in ({"signal": slow}, {}))
    planners = Planner(varying), Planner(steady)
    assert [planner.varies for planner in planners] == [True, False]
    entries = [placed(small, small.algorithms[0], 0) for small in (varying, steady)]
    assert entries[0].algorithm == entries[1].algorithm
    rounds = [planner.round(entry) for planner, entry in zip(planners, entries, strict=True)]
    assert rounds[0] == rounds[1]


def test_a_scenario_says_only_the_signals_that_it_has(tmp_path: Path) -> None:
    plain, varying = varied(tmp_path, ["fl"], {}), varied(tmp_path, ["fl"], {"signal": MARKOV, "loss": 0.01})
    assert "signal" not in plain.resolved()
    assert "loss" not in plain.resolved()
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(varying.resolved(), "utf-8")
    assert load(resolved) == varying
    assert plain.world.without_signals() is plain.world


def test_a_link_of_the_catalogue_can_vary_too(tmp_path: Path) -> None:
    small = varied(tmp_path, ["fl"], {}, {"link": "lte", "signal": MARKOV, "loss": 0.1})
    named = varied(tmp_path, ["fl"], {}, "lte").world.devices[0].downlink
    link = small.world.devices[0].downlink
    assert (link.rate, link.latency, link.loss) == (named.rate, named.latency, 0.1)
    assert link.signal


@pytest.mark.parametrize("name", ["lt", 4, ["lte"]])
def test_a_link_that_the_catalogue_does_not_have_is_refused(name: Any, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"world\.devices\.0\.downlink\.link is .* there is no such link"):
        varied(tmp_path, ["fl"], {}, {"link": name, "signal": MARKOV})


def test_a_wrong_trace_is_one_message_with_the_file_and_both_lines(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("seconds,rate\n0,8e6\n5,4e6\n4,8e6\n")
    small = varied(tmp_path, ["fl"], {"signal": {"name": "trace", "file": "trace.csv"}})
    with pytest.raises(ScenarioError) as caught:
        check(small, dry=True)
    (line,) = str(caught.value).splitlines()
    assert "world.devices.0.uplink.signal.file" in line
    assert "trace.csv, line 4: the trace runs backwards: the moment before it is 5 s" in line


def test_what_holds_after_a_trace_is_said(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("seconds,factor\n0,1\n60,0.5\n")
    small = varied(tmp_path, ["fl"], {"signal": {"name": "trace", "file": "trace.csv"}})
    (notice,) = notices(small)
    assert notice == (
        "world.devices.0.uplink.signal: the trace ends at 60 s, and its last value holds after that (after: hold)"
    )
