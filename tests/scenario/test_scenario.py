"""What a scenario file becomes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from simulator.learning.data.datasets.digits import Digits
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.partition.iid import Iid
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.scenario import Scenario, ScenarioError, load
from simulator.settings.yamlfile import parse
from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_toy_algorithms(tmp_path, monkeypatch)
    path = tmp_path / "toy.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def scenario(file: Path) -> Scenario:
    return load(file)


def test_top_level(scenario: Scenario) -> None:
    assert (scenario.name, scenario.seeds, scenario.threads) == ("toy", (0, 1), 1)
    assert (scenario.torch_device, scenario.target_accuracy) == ("auto", 0.8)
    assert (scenario.model.name, scenario.model.image_size, scenario.model.attention) == ("bundled", 32, "fused")
    assert (scenario.evaluation.every, scenario.evaluation.samples, scenario.evaluation.settle) == (1, None, 3)


def test_world_in_si(scenario: Scenario) -> None:
    pi, nano = scenario.world.devices
    assert (pi.name, pi.count, pi.uplink.rate, pi.uplink.latency) == ("raspberry-pi-4", 3, 2.5e6, 0.005)
    assert (nano.name, nano.count, nano.uplink.rate) == ("jetson-nano", 1, 1.25e6)
    assert (scenario.world.server.name, scenario.world.server.slots) == ("rtx-4090", 1)
    assert (scenario.world.provisioning, scenario.world.clients) == ("first_use", 4)


def test_data(scenario: Scenario) -> None:
    assert scenario.data.name == "digits"
    assert scenario.data.source == Digits()
    assert scenario.data.partition == Dirichlet(alpha=0.5)


def test_partition_is_iid_where_not_said(file: Path) -> None:
    assert load(file, ["data={name: digits}"]).data.partition == Iid()


def test_an_entry_overrides_training_deeply(file: Path) -> None:
    scenario = load(file, ["algorithms.FL.training={train: linear, optimizer: {learning_rate: 0.2}}"])
    training = scenario.algorithms[0].training
    assert (training.train, training.rounds) == ("linear", 10)
    assert training.optimizer == Sgd(learning_rate=0.2, momentum=0.9)
    assert scenario.training.optimizer == Sgd(learning_rate=0.05, momentum=0.9)


def test_another_optimizer_keeps_what_both_have(scenario: Scenario) -> None:
    training = scenario.algorithms[1].training
    assert training.local_epochs == 3
    assert training.optimizer == AdamW.model_validate({"learning_rate": 0.05})


def test_an_algorithms_own_settings_stay_with_it(scenario: Scenario) -> None:
    entry = scenario.algorithms[2]
    assert (entry.name, entry.label) == ("sfprompt", "SFPrompt")
    assert entry.algorithm.model_dump() == {"head": 1, "local_epochs": 2, "keep_fraction": 0.5}
    assert entry.training.local_epochs == 1


def test_label_is_the_name_where_not_said(file: Path) -> None:
    assert load(file, ["algorithms=[{name: fedavg}]"]).algorithms[0].label == "fedavg"


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["world.devices.0.power={idle: 0.1 W, compute: 0.30000000000000004 W}"],
        ["training.optimizer.learning_rate=1e-7", "training.schedule={name: cosine, warmup: 2}"],
        ["algorithms.SFPrompt.training={optimizer: {name: adamw}, wire_dtype: fp16}"],
    ],
)
def test_resolved_reads_as_an_equal_scenario(file: Path, overrides: list[str]) -> None:
    scenario = load(file, overrides)
    again = file.with_name("resolved.yaml")
    again.write_text(scenario.resolved())
    assert load(again) == scenario
    assert load(again).resolved() == scenario.resolved()


def test_resolved_hides_no_default(scenario: Scenario) -> None:
    resolved = yaml.safe_load(scenario.resolved())
    nano = resolved["world"]["devices"][1]
    assert nano["uplink"] == {"rate": "10 Mbit/s", "latency": "25 ms"}
    assert nano["rate"] == {"fp32": "236 GFLOP/s", "fp16": "472 GFLOP/s"}
    assert nano["utilisation"] == scenario.world.devices[1].utilisation
    assert resolved["world"]["server"]["downlink"] == {"rate": "1 Gbit/s", "latency": "0 s"}
    assert resolved["training"]["optimizer"] == {
        "name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.0
    }  # fmt: skip
    assert resolved["training"]["schedule"] == {"name": "constant"}
    assert resolved["data"]["partition"] == {"name": "dirichlet", "alpha": 0.5, "min_samples": 8}
    assert resolved["algorithms"][0] == {"name": "fedavg", "label": "FL"}
    assert (resolved["threads"], resolved["torch_device"]) == (1, "auto")


def test_override_by_index_and_label(file: Path) -> None:
    scenario = load(file, ["world.server.slots=2", "algorithms.SFPrompt.keep_fraction=0.8", "algorithms.0.label=A.b"])
    assert scenario.world.server.slots == 2
    assert scenario.algorithms[2].algorithm.model_dump()["keep_fraction"] == 0.8
    assert scenario.algorithms[0].label == "A.b"


def test_override_by_a_label_with_a_dot(file: Path) -> None:
    overrides = ["algorithms.SFPrompt.label=v1.5", "algorithms.v1.5.head=3"]
    assert load(file, overrides).algorithms[2].algorithm.model_dump()["head"] == 3


def test_a_later_override_counts(file: Path) -> None:
    assert load(file, ["training.rounds=2", "training.rounds=3"]).training.rounds == 3


@pytest.mark.parametrize("which", ["SFPrompt", 2])
def test_a_later_check_points_into_the_file(scenario: Scenario, file: Path, which: str | int) -> None:
    error = scenario.error(("algorithms", which, "keep_fraction"), 0.5, "it keeps nothing", "0.6 to 1")
    assert isinstance(error, ScenarioError)
    assert (
        str(error) == f"{file}, line 22: algorithms.SFPrompt.keep_fraction is 0.5: it keeps nothing (allowed: 0.6 to 1)"
    )


def test_a_later_check_of_a_default_points_at_what_it_belongs_to(scenario: Scenario, file: Path) -> None:
    error = scenario.error(("algorithms", "SFPrompt", "head"), 1, "there is no block left for the body")
    assert str(error) == f"{file}, line 19: algorithms.SFPrompt.head is 1: there is no block left for the body"


def test_frozen(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="frozen"):
        scenario.threads = 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("010", 10),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("true", True),
        ("~", None),
        ("-5", -5),
        ("!!str 5", "5"),
        ("25 ms", "25 ms"),
        (".5", 0.5),
    ],
)
def test_bare_words(text: str, value: object) -> None:
    assert parse(text)[0] == value


def test_reading_needs_neither_torch_nor_tables() -> None:
    heavy = ["torch", "sklearn", "pandas", "matplotlib", "simpy"]
    code = f"import sys, simulator.scenario.scenario; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
