"""A trial that goes on from a checkpoint ends as an undisturbed one, to the last digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.trial.trial import Trial, run
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import ALGORITHMS, DRIVERS
from tests.helpers.grids import grid
from tests.helpers.resuming import checkpoints, differences, gone_on, recorded, small
from tests.helpers.small_trials import ENTRIES

pytestmark = pytest.mark.usefixtures("small_model")

SYNCHRONOUS = {"name": "synchronous"}
FEDBUFF = {"name": "fedbuff", "buffer": 2}
FIRST = {"name": "deadline", "first": 2}
FAST: dict[str, dict[str, Any]] = {
    "synchronous": SYNCHRONOUS,
    "deadline": FIRST,
    "fedbuff": FEDBUFF,
    "fedasync": {"name": "fedasync"},
    "semi_async": {"name": "semi_async", "seconds": "20 ms"},
    "hierarchical": {"name": "hierarchical", "edge_rounds": 2},
}
"""Settings of every driver with which clients are under way at an aggregation, where they can be."""
EDGES = {"edges": [{"name": "rtx-4090", "label": "edge", "count": 2, "devices": {"raspberry-pi-4": 4}}]}
SERVER = {"name": "rtx-4090", "slots": 2, "rate": {"fp32": "1 GFLOP/s"}}
COMING_AND_GOING: list[dict[str, Any]] = [
    {
        "name": "raspberry-pi-4",
        "count": 4,
        "presence": {"name": "on_off", "mean_present": "50 ms", "mean_absent": "10 ms"},
        "dropout": {"training": 0.3},
    },
    {"name": "jetson-nano", "count": 2, "uplink": "lte"},
]
ONE_EACH = (
    *("fl", "v2-in-order", "sfp-easiest", "prox", "momentum", "adam", "yogi", "in-turn", "fl-lora", "v2-lora"),
    *("flexp", "frozen-plain", "ditto", "pfedme", "epsl", "sfpl", "centralized", "fl-top-k", "v1-fedlite"),
)
"""An entry of each algorithm, and some that keep more: what compression leaves, smashed data, samples."""
PAIRS = [(label, "synchronous") for label in ONE_EACH]
PAIRS += [("v2-sent", "deadline"), ("alone", "deadline"), ("v1-linear", "hierarchical"), ("sfp", "semi_async")]
PAIRS += [("ditto", "fedbuff"), ("fl-stacked", "fedbuff"), ("v1-prompt", "fedasync")]
ALIKE = ("fl", "prox", "momentum", "yogi", "fl-lora", "ditto", "v1-fedlite")
"""They keep what another entry keeps: an optimizer of the server, adapters, weights of each client's own."""
ALL_PAIRS = [(label, driver) for label in ENTRIES for driver in FAST]


def together(label: str, driver: str, folder: Path, **changes: Any) -> list[str]:
    """What differs if a trial is killed after its second aggregation, or the first with a checkpoint after that."""
    world = changes.pop("world", {}) | (EDGES if driver == "hierarchical" else {})
    trial = small(folder, label, FAST[driver], world=world, **changes)
    whole, files = recorded(trial, folder / "checkpoint")
    assert files, "no checkpoint was made"
    number = 2 if 2 in files else min(files)
    return differences(whole, gone_on(trial, folder / "checkpoint", files[number]))


def test_the_pairs_have_every_algorithm_and_every_driver() -> None:
    assert {ENTRIES[label]["name"] for label, _ in PAIRS} == set(ALGORITHMS.names())
    assert {driver for _, driver in PAIRS} == set(FAST) == set(DRIVERS.names())


@pytest.mark.parametrize(
    "pair", grid(PAIRS, often=lambda pair: pair[1] != "synchronous" or pair[0] not in ALIKE), ids="-".join
)
def test_a_trial_that_goes_on_ends_as_an_undisturbed_one(pair: tuple[str, str], tmp_path: Path) -> None:
    assert together(*pair, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(("label", "driver"), [pair for pair in ALL_PAIRS if pair not in PAIRS])
def test_every_pair_goes_on_or_says_that_it_starts_over(label: str, driver: str, tmp_path: Path) -> None:
    from simulator.experiments.trial.validate import check

    trial = small(tmp_path, label, FAST[driver], world=EDGES if driver == "hierarchical" else {})
    try:
        check(trial, dry=False)
    except ScenarioError as error:
        pytest.skip(str(error))
    if not (starts_over(label, driver)):
        assert together(label, driver, tmp_path) == []


def starts_over(label: str, driver: str) -> bool:
    """Whether no checkpoint can be made: clients train one body at the server, and the driver never waits for all."""
    entry = ENTRIES[label]
    in_common = entry["name"] in ("flexp_sfl", "splitlora") or (entry.get("version") == "v2" and label != "v2-linear")
    return in_common and driver in ("fedbuff", "fedasync", "semi_async")


@pytest.mark.parametrize("label", ["v2", "v2-lora", "flexp", "v2-linear", "alone"])
def test_what_starts_over_says_so_once_and_makes_no_checkpoint(label: str, tmp_path: Path) -> None:
    told: list[str] = []
    _, files = recorded(small(tmp_path, label, FEDBUFF), tmp_path / "checkpoint", told)
    if starts_over(label, "fedbuff"):
        assert not files
        (line,) = told
        assert line.startswith(f"{label} starts over if it is stopped: ")
        assert "trains weights at the server with all clients at once" in line
    else:
        assert files
        assert not told


@pytest.mark.parametrize(
    ("label", "driver", "changes"),
    [
        pytest.param("fl", "synchronous", {"training": {"selection": {"name": "oort"}}}, marks=pytest.mark.slow),
        ("fl", "fedbuff", {"training": {"selection": {"name": "oort"}}}),
        ("ditto", "deadline", {"training": {"selection": {"name": "power_of_choice", "candidates": 4}}}),
        ("fl", "synchronous", {"training": {"selection": {"name": "round_robin"}, "augment": {"flip": True}}}),
        ("v2", "synchronous", {"world": {"server": {**SERVER, "outages": {"windows": [["20 ms", "30 ms"]]}}}}),
        ("fl", "fedbuff", {"world": {"server": {**SERVER, "outages": {"windows": [["20 ms", "30 ms"]]}}}}),
        ("sfp-int8", "fedbuff", {"world": {"server": {**SERVER, "batching": {"most": 2}}}}),
        ("fl", "synchronous", {"training": {"budget": {"updates": 12}}, "evaluation": {"every": "10 ms"}}),
        (
            "fl-stacked",
            "fedbuff",
            {"training": {"wire_dtype": "fp16", "compression": {"frozen weights": {"name": "int8"}}}},
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "+".join(map(str, value.values()))[:50],
)
def test_decisions_outages_and_budgets_go_on(label: str, driver: str, changes: dict[str, Any], tmp_path: Path) -> None:
    assert together(label, driver, tmp_path, **changes) == []


def test_checkpoints_change_nothing(tmp_path: Path) -> None:
    trial = small(tmp_path, "sfp", FEDBUFF)
    plain = Trial(trial, trial.algorithms[0], 0)
    plain.run()
    assert differences(plain, recorded(trial, tmp_path / "checkpoint")[0]) == []


def test_a_trial_can_go_on_again_and_again(tmp_path: Path) -> None:
    trial, path = small(tmp_path, "fl-linear", training={"rounds": 4}), tmp_path / "checkpoint"
    whole, files = recorded(trial, path)
    path.write_bytes(files[1])
    for number in (2, 3):  # each process writes one more checkpoint, and is killed
        kept = checkpoints(path)
        running = Trial(trial, trial.algorithms[0], 0, checkpoints=kept)
        for point in running.rounds():
            if point.round == number:
                break
        assert kept.resumed == number - 1
        running.rounds().close()  # type: ignore[attr-defined]
    assert differences(whole, gone_on(trial, path, path.read_bytes())) == []


def test_the_rounds_before_the_checkpoint_are_reported_again(tmp_path: Path) -> None:
    trial, path = small(tmp_path, "fl"), tmp_path / "checkpoint"
    _, files = recorded(trial, path)
    path.write_bytes(files[2])
    seen: list[int] = []
    run(trial, trial.algorithms[0], 0, progress=lambda point: seen.append(point.round), checkpoints=checkpoints(path))
    assert seen == [0, 1, 2, 3]


def test_a_dry_trial_writes_no_checkpoint(tmp_path: Path) -> None:
    trial, path = small(tmp_path, "fl"), tmp_path / "checkpoint"
    run(trial, trial.algorithms[0], 0, dry=True, checkpoints=checkpoints(path))
    assert not path.exists()
