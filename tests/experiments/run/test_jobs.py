"""Trials side by side: the same folder as one after another, and problems as in this process."""

from pathlib import Path

import pytest

from simulator.experiments.executors.local import Joblib, executor_for
from simulator.experiments.executors.sequential import Sequential
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from tests.helpers.folder_contents import content
from tests.helpers.small_trials import scenario

MODEL = {
    "name": "vit_tiny_patch16_224",
    "image_size": 16,
    "pretrained": False,
    "keywords": {"patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3},
}


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    return scenario(tmp_path, ["fl-linear", "v1-linear"], seeds=[0, 1], model=MODEL)


def test_side_by_side_gives_the_folder_of_one_after_another(
    two: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = run_scenario(two, out=tmp_path / "one")
    capsys.readouterr()
    both = run_scenario(two, out=tmp_path / "both", jobs=2)
    assert content(both) == content(one)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.partition(":")[0] for line in lines[:4]) == [
        f"{label}, seed {seed}" for label in ("fl-linear", "v1-linear") for seed in (0, 1)
    ]


def test_a_problem_in_another_process_is_one_message(two: Scenario, tmp_path: Path) -> None:
    small = two.with_({"world.devices.0.memory": "100 kB", "world.on_oom": "error"})
    with pytest.raises(ScenarioError, match="which has 100 kB"):
        run_scenario(small, dry=True, out=tmp_path / "out", jobs=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("items", "device", "wanted", "expected"),
    [
        (4, "cpu", 3, Joblib(3, 1)),
        (2, "cpu", 3, Joblib(2, 1)),
        (1, "cpu", 3, Sequential),
        (4, "cpu", 1, Sequential),
        (4, "meta", None, Sequential),
        (4, "cuda", None, Sequential),
    ],
)
def test_as_many_at_once_as_are_wanted_and_there(items: int, device: str, wanted: int | None, expected: object) -> None:
    found = executor_for(items, 1, device, wanted)
    assert found == expected if isinstance(expected, Joblib) else type(found) is expected
