"""Memory is checked before a run: what does not fit is refused, left out, or counted as if it did."""

from __future__ import annotations

import gc
import json
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simulator.experiments.run.run import run_scenario
from simulator.experiments.trial.memory_check import dry_run_that_fits, too_small
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scenario.carbon import CarbonSettings
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError

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


def dry(settings: Scenario) -> TrialResult:
    return dry_run_that_fits(settings, settings.algorithms[0], seed=0)


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


def test_a_cut_that_would_fit_is_named_however_short_the_trace_of_carbon_is() -> None:
    """A larger head takes longer on the device, and the trace is long enough for the entry's own cut."""
    entry: dict[str, Any] = {"name": "splitfed", "head": 0, "training": {"rounds": 1}}
    enough = dry(scenario([AMPLE], **entry))
    settings, ends = scenario([AMPLE], enough.peak_server_memory_bytes - 1, **entry), enough.bill.end
    trace = {"name": "trace", "points": [["0 s", "1 g/kWh"], [f"{ends} s", "2 g/kWh"]]}
    carbon = CarbonSettings.model_validate({"signal": trace})
    assert "; head: " in refusal(settings)
    assert refusal(settings.model_copy(update={"carbon": carbon})) == refusal(settings)


def test_it_is_known_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of two algorithms the second does not fit."""
    most = needed("splitfed", head=0)[0]
    settings = scenario([most], name="splitfed", head=0)
    both = settings.model_copy(update={"algorithms": (settings.algorithms[0], scenario([most]).algorithms[0])})
    monkeypatch.setattr("simulator.experiments.run.trials.run_trial", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(ScenarioError, match="fedavg needs"):
        run_scenario(both, out=tmp_path / "out")


def test_groups_of_one_name_are_told_apart() -> None:
    settings = scenario([AMPLE, SMALL])
    devices = tuple(group.model_copy(update={"name": "twin"}) for group in settings.world.devices)
    world = settings.world.model_copy(update={"devices": devices})
    assert refusal(settings.model_copy(update={"world": world})).startswith("world.devices.1.memory is 10 MB")


def test_a_cut_is_named_though_the_server_has_no_room_for_a_smaller_one() -> None:
    device, server = needed("splitfed", head=2)
    assert needed("splitfed", head=1)[1] > server
    assert "; head: 2 would fit" in refusal(scenario([device], server=server, name="splitfed", head=4))


def test_a_cut_that_the_algorithm_refuses_is_not_named() -> None:
    """SFPrompt without any block on the device is blind."""
    blind = {"head": 0, "tail": 0, "local_epochs": 0, "keep": "random"}
    enough = needed("sfprompt", **blind)[0]
    assert enough < needed("sfprompt", head=0, tail=1)[0]
    assert "no cut would fit" in refusal(scenario([enough], name="sfprompt", head=1, tail=1))


def test_no_weights_live_on_because_they_were_there_at_the_peak() -> None:
    from simulator.world.memory import Memory

    class Part:
        def resident(self) -> list[tuple[Any, str, int]]:
            return [(self, "all", 100)]

    memory, part = Memory(), Part()
    memory.begin("a", part, 10, "train_step", 3)
    gone = weakref.ref(part)
    del part
    memory.release("a")
    gc.collect()
    assert gone() is None
    assert memory.fullest.round == 3


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
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    most = needed("fedavg")[0]
    settings = scenario([most, most - 1], on_oom="skip")
    folder = run_scenario(settings, out=tmp_path / "out")
    trial = json.loads((folder / "summary.json").read_text())["trials"][0]
    assert trial["devices_too_small"] == sorted(dry(settings).without)
    engaged = pd.read_parquet(folder / "ledger" / "fedavg-0" / "engagements.parquet")["client"]
    assert len(engaged) == 3 * 2
    assert not set(engaged) & set(trial["devices_too_small"])


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
