"""What a scenario may say of cuts, and how it is written back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from simulator.cli.entry import app
from simulator.scenario.scenario import load
from simulator.scenario.schema import scenario_schema
from simulator.settings.errors import ScenarioError
from simulator.settings.yamlfile import parse

pytestmark = pytest.mark.usefixtures("small_model")

SMALL = """\
name: small
world:
  devices:
    - {name: raspberry-pi-4, count: 2}
    - {name: jetson-nano}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: synthetic, samples: 24, test_samples: 5, classes: 5}
training: {rounds: 1, clients_per_round: 2, batch_size: 8, optimizer: {name: sgd}}
algorithms:
  - {name: splitfed, label: SFL, ENTRY}
"""


def written(folder: Path, entry: str) -> Path:
    file = folder / "small.yaml"
    file.write_text(SMALL.replace("ENTRY", entry))
    return file


@pytest.mark.parametrize(
    "entry", ["head: 2", "cut: {name: largest}, tail: 0", "cut: {name: budget, energy: 50 J, memory: 0.5}"]
)
def test_it_reads_what_it_writes(tmp_path: Path, entry: str) -> None:
    scenario = load(written(tmp_path, entry))
    again = tmp_path / "again.yaml"
    again.write_text(scenario.resolved())
    assert load(again).algorithms == scenario.algorithms
    validator = Draft202012Validator(scenario_schema())
    assert [error.message for error in validator.iter_errors(parse(scenario.resolved())[0])] == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "head: 2, cut: {name: largest}",
            "line 11: algorithms.SFL.head is 2: the cut policy largest chooses it: set head or the policy, not both",
        ),
        ("cut: {name: larges}", 'there is no cut policy named "larges"; did you mean "largest"?'),
        ("cut: largest", "it must be a mapping with a name, such as {name: largest}"),
        ("cut: {name: budget}", "a budget needs a limit: seconds, energy or memory"),
        ("cut: {name: budget, seconds: 20}", "algorithms.SFL.cut.seconds is 20: it has no unit"),
        ("cut: {name: largest, seconds: 20 s}", "algorithms.SFL.cut.seconds"),
    ],
)
def test_what_cannot_be_said(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        load(written(tmp_path, entry))
    assert said in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("entry", ["tail: 4, cut: {name: largest}", "tail: 4"])
def test_a_tail_that_leaves_no_cut(tmp_path: Path, entry: str) -> None:
    result = CliRunner().invoke(app, ["validate", str(written(tmp_path, entry))])
    assert result.exit_code == 2 or isinstance(result.exception, ScenarioError)
    assert "algorithms.SFL.tail is 4" in str(result.exception) + result.output


def test_validate_tells_what_was_chosen(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(written(tmp_path, "cut: {name: largest}"))])
    assert result.exit_code == 0, result.output
    assert "SFL: raspberry-pi-4: head 2 (2 devices)\nSFL: jetson-nano: head 2 (1 device)\n" in result.output


def test_a_run_keeps_what_was_chosen(tmp_path: Path) -> None:
    """And the run's own analysis reads it."""
    from analysis import load_run

    file, out = written(tmp_path, "cut: {name: fastest}"), tmp_path / "out"
    result = CliRunner().invoke(app, ["run", str(file), "--dry", "--out", str(out)])
    assert result.exit_code == 0, result.output
    (trial,) = json.loads((out / "summary.json").read_text())["trials"]
    assert [cut["device"] for cut in trial["cuts"]] == ["raspberry-pi-4-0", "raspberry-pi-4-1", "jetson-nano-0"]
    assert len(load_run(out).summary) == 1


def test_a_policy_is_swept_as_a_key(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, "tail: 1"), ["algorithms.SFL.cut.name=largest"])
    assert scenario.algorithms[0].algorithm.cut.name == "largest"  # type: ignore[attr-defined]
