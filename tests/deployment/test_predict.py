"""What is deployed, what is not, and what is predicted from it."""

from pathlib import Path

import pytest

from simulator.accounting.costs import Piece
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from tests.deployment import predict
from tests.deployment.averages import Averages


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("catalogue") / "catalogue.yaml"
    file.write_text(predict.stand_in(predict.named_hardware(predict.SCENARIO)))
    return file


def test_a_name_says_a_share_of_a_core() -> None:
    assert predict.share_of("core-25") == 0.25


@pytest.mark.parametrize("name", ["core-0", "core-101", "core-2.5", "raspberry-pi-4", "25"])
def test_another_name_says_none(name: str) -> None:
    with pytest.raises(ValueError, match="no share of a core"):
        predict.share_of(name)


def test_a_schedule_has_every_work_and_transfer_of_the_ledger(catalogue: Path) -> None:
    scenario = predict.loaded(catalogue)
    entry = scenario.algorithms[0]
    assert entry.label == "FL"
    done = predict.schedule(predict.predicted(scenario, entry))
    devices, rounds, batches = 4, 3, 2
    assert sum(each.what == "train_step" for each in done) == devices * rounds * batches
    assert sum(each.target == "server" for each in done) == devices * rounds
    assert sum(each.site == "server" and each.target != "" for each in done) == devices * rounds
    assert sum(each.what == "weighted_mean" for each in done) == rounds


def test_links_without_latency_are_otherwise_the_same(catalogue: Path) -> None:
    scenario = predict.loaded(catalogue)
    before, after = scenario.world.devices[0].uplink, predict.without_latency(scenario).world.devices[0].uplink
    assert (before.rate, before.latency) == (after.rate, 0.005)
    assert after.latency == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("world.server.name=rtx-4090", "rtx-4090 is no share of a core"),
        ("world.edges.0.access={uplink: {rate: 1 Mbit/s}}", "access medium"),
        ("world.server.slots=2", "only one slot"),
        ("world.devices.0.uplink.loss=0.1", "lose bytes"),
        ("world.devices.0.presence={name: on_off, mean_present: 10 s, mean_absent: 10 s}", "devices that stay"),
        ("training.wire_dtype=fp16", "as they are"),
        ("training.compression={model: {name: int8}}", "as they are"),
        ("training.clients_per_round=2", "all devices take part"),
        ("training.driver={name: deadline, seconds: 500 s}", "only synchronous rounds"),
        ("algorithms.0={name: split_learning, label: in turn}", "orders its rounds itself"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_the_reason(catalogue: Path, change: str, why: str) -> None:
    assert why in str(predict.undeployable(load(predict.SCENARIO, [f"world.catalogue={catalogue}", change])))


def test_what_is_refused_is_refused_before_anything_is_made(catalogue: Path) -> None:
    with pytest.raises(ScenarioError, match=r"scenario.yaml: world.server: only one slot"):
        predict.loaded(catalogue, ["world.server.slots=2"])


def test_the_table_of_a_share_has_means() -> None:
    laps = Averages()
    for seconds in (1.0, 1.0, 10.0):
        laps.add([(Piece("block", 4), seconds)])
    assert laps.table() == {"block": ((4, 4.0),)}
