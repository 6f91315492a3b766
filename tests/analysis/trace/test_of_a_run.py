"""Traces: the file is in Chrome's Trace Event Format as Perfetto reads it, and says what the ledger says."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import load_run, trace, write_trace
from simulator.experiments.run.tables import write
from simulator.experiments.trial.trial import run as run_trial
from simulator.scenario.scenario import load
from tests.helpers.traces import KEYS, Event, area, counter, faults, first, read, slices

SCENARIO = """\
name: tiny
seeds: [0, 1]
world:
  devices:
    - {name: raspberry-pi-4, count: 3}
    - {name: jetson-nano, uplink: {rate: 20 Mbit/s, latency: 5 ms}}
    - {name: raspberry-pi-4, power: {idle: 900 mW, compute: 5 W}}
  server: {name: rtx-4090, slots: 2}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 2, clients_per_round: 3, batch_size: 64, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry run of the simulator's own: two algorithms with two seeds."""
    place = tmp_path_factory.mktemp("run")
    (place / "tiny.yaml").write_text(SCENARIO)
    scenario = load(place / "tiny.yaml")
    outcomes = [run_trial(scenario, entry, seed, dry=True) for entry in scenario.algorithms for seed in scenario.seeds]
    (place / "run").mkdir()
    write(place / "run", scenario, outcomes, dry=True, device="meta")
    return place / "run"


@pytest.fixture(scope="module")
def events(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return read(write_trace(folder, out=tmp_path_factory.mktemp("out") / "all.json.gz").path)


def test_the_trace_of_a_run_is_in_the_format(events: list[Event]) -> None:
    assert list(faults(events)) == []
    assert {event["ph"] for event in events} == set(KEYS)


def spoil_key(events: list[Event]) -> None:
    del first(events, "X")["dur"]


def spoil_nesting(events: list[Event]) -> None:
    first(events, "X")["dur"] += 1e9


def spoil_flow(events: list[Event]) -> None:
    first(events, "f")["id"] += 10**6


def spoil_binding(events: list[Event]) -> None:
    first(events, "s")["tid"] = first(events, "X")["tid"]


def spoil_name(events: list[Event]) -> None:
    events.remove(next(event for event in events if event["name"] == "thread_name"))


def spoil_time(events: list[Event]) -> None:
    first(events, "X")["ts"] = -1


def spoil_counter(events: list[Event]) -> None:
    first(events, "C")["ts"] = 1e15


SPOILED: dict[str, Callable[[list[Event]], None]] = {
    "keys of": spoil_key,
    "overlap": spoil_nesting,
    "without an end": spoil_flow,
    "from": spoil_binding,
    "no name": spoil_name,
    "before the beginning": spoil_time,
    "goes back": spoil_counter,
}


@pytest.mark.parametrize("said", SPOILED)
def test_the_check_of_the_format_can_fail(events: list[Event], said: str) -> None:
    spoiled = copy.deepcopy(events)
    SPOILED[said](spoiled)
    assert any(said in fault for fault in faults(spoiled))


# Laws: the trace says what the ledger and the summary say.

TRIALS = ["FL-0", "FL-1", "SFL-0", "SFL-1"]


@pytest.mark.parametrize("trial", TRIALS)
def test_the_laws_of_a_trial(folder: Path, events: list[Event], trial: str) -> None:
    pid, (label, seed) = TRIALS.index(trial) + 1, trial.split("-")
    run = load_run(folder)
    works, transfers = run.works(label, int(seed)), run.transfers(label, int(seed))
    assert {"name": f"{trial} ({'fedavg' if label == 'FL' else 'splitfed'})"} in [
        event["args"] for event in events if (event["pid"], event["name"]) == (pid, "process_name")
    ]

    computed: dict[str, float] = defaultdict(float)
    sent = received = 0
    for track, spans in slices(events, pid).items():
        site = track.split(" ")[0]
        if " compute" in track or " slot " in track:
            computed[site] += sum(seconds for _, seconds, _ in spans)
        sent += len(spans) if " uplink" in track else 0
        received += len(spans) if " downlink" in track else 0
    rounding = 1e-9 * len(works)  # each is rounded to a nanosecond
    assert computed == pytest.approx(works.groupby("site")["seconds"].sum().to_dict(), rel=0, abs=rounding)
    assert sent == received == len(transfers)
    flows = [event for event in events if event["ph"] == "s" and event["pid"] == pid]
    assert len(flows) == (transfers["lost"] == 0).sum() > 0
    assert [name for *_, name in slices(events, pid)["rounds"]] == ["round 1", "round 2"]

    summary = run.summary.set_index(["label", "seed"]).loc[(label, int(seed))]
    sites = {event["name"] for event in events if event["ph"] == "C" and event["pid"] == pid}
    joules = {site.removesuffix(" power"): area(counter(events, site, pid)) for site in sites if " power" in site}
    assert joules.pop("server") == pytest.approx(summary["server_energy_j"], rel=1e-6)
    assert sum(joules.values()) == pytest.approx(summary["client_energy_j"], rel=1e-6)
    waited = works.loc[works["site"] == "server", "start"] - works.loc[works["site"] == "server", "asked"]
    assert area(counter(events, "server queue", pid)) == pytest.approx(waited.sum(), rel=1e-6, abs=1e-6)


def test_one_trial_alone_and_the_same_bytes_each_time(folder: Path, tmp_path: Path) -> None:
    once, again = (write_trace(folder, "SFL-1", tmp_path / f"{name}.json.gz") for name in "ab")
    assert once.path.read_bytes() == again.path.read_bytes()
    found = read(once.path)
    assert (once.trials, once.events, once.size) == (1, len(found), once.path.stat().st_size)
    assert {event["pid"] for event in found} == {1}
    assert first(found, "M")["args"] == {"name": "SFL-1 (splitfed)"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json.gz", "b.json.gz"]


def test_of_many_events_a_user_is_warned(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json.gz"
    assert str(write_trace(folder, out=path)).endswith("open it at https://ui.perfetto.dev")
    monkeypatch.setattr(trace, "MOST_EVENTS", 100)
    assert str(write_trace(folder, out=path)).endswith("may not open so many: --trial writes one trial alone")
    assert str(write_trace(folder, "FL-0", path)).endswith("may not open so many: --most shows fewer rounds")
