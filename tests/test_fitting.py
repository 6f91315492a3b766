"""Memory is checked before a run: what does not fit is refused, left out, or counted as if it did."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from simulator.fitting import fitted, too_small
from simulator.outcome import Outcome
from simulator.running import run_scenario
from simulator.scenario import Scenario
from simulator.scenario_source import ScenarioError
from simulator.trial import run

AMPLE, SMALL = 10**12, 10_000_000


def scenario(memory: list[int], server: int = AMPLE, on_oom: str = "error", **entry: Any) -> Scenario:
    """Groups of three devices with so much memory each; the bundled model, 12 samples a device."""
    return Scenario.model_validate(
        {
            "name": "memory",
            "world": {
                "on_oom": on_oom,
                "devices": [
                    {"name": name, "count": 3, "memory": f"{size} B"}
                    for name, size in zip(("jetson-nano", "raspberry-pi-4"), memory, strict=False)
                ],
                "server": {"name": "a100", "memory": f"{server} B"},
            },
            "model": {"name": "random"},
            "data": {"name": "synthetic", "samples": 12 * 3 * len(memory), "test_samples": 5, "classes": 5},
            "training": {"rounds": 3, "clients_per_round": 2, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "fedavg", **entry}],
        }
    )


def dry(settings: Scenario) -> Outcome:
    return fitted(settings, settings.algorithms[0], seed=0)


@cache
def needed(name: str, **entry: Any) -> tuple[int, int]:
    """Bytes of the fullest device and of the server, where there is enough of both."""
    outcome = dry(scenario([AMPLE], name=name, **entry))
    return outcome.peak_client_memory_bytes, outcome.peak_server_memory_bytes


def refusal(settings: Scenario) -> str:
    with pytest.raises(ScenarioError) as refused:
        dry(settings)
    return str(refused.value)


def test_just_enough_is_enough_and_a_byte_less_is_not() -> None:
    most = needed("fedavg")[0]
    assert too_small(dry(scenario([most]))) == []
    assert "FL needs" in refusal(scenario([most - 1], label="FL"))


def test_the_message_says_who_for_what_how_much_and_what_is_there() -> None:
    message = refusal(scenario([SMALL, AMPLE], label="FL", name="splitfed", head=4))
    most = needed("splitfed", head=4)[0]
    assert message.startswith("world.devices.0.memory is 10 MB: FL needs ")
    assert f"FL needs {most / 1e6:.3g} MB on jetson-nano-" in message
    assert "(for loss_backward of block5..head), which has 10 MB" in message
    assert message.endswith("(or say on_oom: skip or ignore)")


@pytest.mark.parametrize(("name", "said"), [("splitfed", "head: "), ("sfprompt", "head: ")])
def test_the_cut_it_names_is_the_deepest_that_fits(name: str, said: str) -> None:
    by_head = {head: needed(name, head=head)[0] for head in range(5)}
    assert by_head[4] > by_head[2] > by_head[0]
    message = refusal(scenario([by_head[2]], name=name, head=4))
    assert f"; {said}2 would fit" in message
    assert too_small(dry(scenario([by_head[2]], name=name, head=2))) == []


def test_an_algorithm_without_a_cut_is_told_of_one_that_has() -> None:
    by_head = {head: needed("splitfed", head=head)[0] for head in range(5)}
    assert by_head[1] < needed("fedavg")[0]
    assert "; splitfed with head: 1 would fit" in refusal(scenario([by_head[1]]))


def test_nothing_may_fit() -> None:
    assert "no cut would fit either: a smaller batch_size or model may" in refusal(scenario([1000]))


def test_a_server_that_is_too_small_is_refused_even_where_devices_are_skipped() -> None:
    most = needed("splitfed", head=1)[1]
    message = refusal(scenario([AMPLE], server=most - 1, on_oom="skip", name="splitfed", head=1))
    assert message.startswith("world.server.memory is ")
    assert "; head: 2 would fit (or say on_oom: ignore)" in message


def test_devices_that_are_too_small_are_never_chosen() -> None:
    most = needed("fedavg")[0]
    outcome = dry(scenario([most, most - 1], on_oom="skip"))
    small = {f"raspberry-pi-4-{number}" for number in range(3)}
    assert outcome.without <= small
    assert outcome.without
    engaged = [row.client for row in outcome.ledger.engagements]
    assert len(engaged) == 3 * 2, "others take their places"
    assert not outcome.without & set(engaged)
    assert too_small(outcome) == []


def test_a_real_run_leaves_the_same_devices_out(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.write_figures", lambda folder: [])
    monkeypatch.setattr("analysis.write_report", lambda folder, figures: None)
    most = needed("fedavg")[0]
    settings = scenario([most, most - 1], on_oom="skip")
    folder = run_scenario(settings, out=tmp_path / "out")
    import json

    trial = json.loads((folder / "summary.json").read_text())["trials"][0]
    assert trial["devices_too_small"] == sorted(dry(settings).without)
    assert trial["peak_client_memory_bytes"] <= most


def test_if_all_are_too_small_there_is_nobody_to_choose() -> None:
    message = refusal(scenario([SMALL], on_oom="skip"))
    assert ", and no device has enough" in message
    assert message.endswith("(or say on_oom: ignore)")


def test_ignored_it_changes_nothing() -> None:
    small, ample = dry(scenario([SMALL], on_oom="ignore")), dry(scenario([AMPLE]))
    assert too_small(small)
    assert list(small.ledger.works) == list(ample.ledger.works)
    assert small.without == frozenset()


def test_a_dry_run_knows_the_memory_of_a_real_one() -> None:
    settings = scenario([AMPLE], name="sfprompt")
    real = run(settings, settings.algorithms[0], seed=0)
    assert dry(settings).client_peaks == real.client_peaks
    assert dry(settings).server_peak == real.server_peak
