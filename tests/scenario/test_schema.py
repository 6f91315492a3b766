"""The JSON Schema: valid, true of every scenario there is, and sharp enough to find a slip."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulator.scenario.scenario import load
from simulator.scenario.schema import described, scenario_schema, summary
from simulator.settings import plugins
from simulator.settings.base import Settings
from simulator.settings.yamlfile import parse
from tests.helpers.places import ROOT
from tests.helpers.toy_scenario import SCENARIO

SCHEMA = scenario_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def problems(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(parse(text)[0])]


def alternatives(part: str) -> dict[str, dict[str, Any]]:
    """What may stand there, by name."""
    return {one["properties"]["name"]["const"]: one for one in SCHEMA["$defs"][part]["oneOf"]}


def test_it_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("file", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda file: file.name)
def test_every_scenario_is_true_to_it(file: Path) -> None:
    assert problems(file.read_text("utf-8")) == []


@pytest.mark.parametrize("file", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda file: file.name)
def test_so_is_what_is_resolved(file: Path) -> None:
    assert problems(load(file).resolved()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("lte", "{rate: 5 Mbit/s, latency: 3 ms}"),
        ("lte", "a-link-of-my-own"),
        ("lte", "{link: lte, loss: 0.1, signal: {name: markov, mean_good: 10 s, mean_bad: 1 s, bad: 0}}"),
        ("lte", "{rate: 5 Mbit/s, signal: {name: trace, points: [[0 s, 1], [1 min, 2 Mbit/s], [2 min, 0 bit/s]]}}"),
        ("lte", "{rate: 5 Mbit/s, signal: {name: outage, windows: [[1 s, 2 s]]}}"),
        ("name: jetson-nano", "name: a-device-of-my-own, power: {idle: 1.5e0 W}"),
        ("optimizer: {name: adamw}", "optimizer: {weight_decay: 0.1}, train: linear, schedule: {name: cosine}"),
        ("target_accuracy: 0.8", "target_accuracy: null"),
        ("{name: digits,", "{name: parquet, train: a.parquet, test: [b.parquet, c.parquet],"),
        ("    keep_fraction: 0.5\n", "    prompts: {length: 8}\n"),
        ("world:\n", "world:\n  catalogue: my-devices.yaml\n"),
        ("{name: bundled}", "{name: resnet18, weights: mine/a.pt, keywords: {layers: [1, 1, 1, 1], avg_down: true}}"),
    ],
)
def test_what_may_be_said(old: str, new: str) -> None:
    assert old in SCENARIO
    assert problems(SCENARIO.replace(old, new, 1)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_size", "batch_sise"),
        ("20 Mbit/s", "20"),
        ("20 Mbit/s", "20 Mbit"),
        ("20 Mbit/s", "fast"),
        ("lte", "{latency: 1 s}"),
        ("lte", "{link: lte, loss: 1}"),
        ("lte", "{link: lte, signal: {name: markow}}"),
        ("lte", "{link: lte, signal: {name: periodic}}"),
        ("lte", "{link: lte, signal: {name: trace, points: [[0, 1]]}}"),
        ("count: 3", "count: 0"),
        ("count: 3", "cuont: 3"),
        ("{name: rtx-4090}", "{slots: 1}"),
        ("{name: bundled}", "bundled"),
        ("{name: bundled}", "{name: resnet18, weights: 3}"),
        ("{name: bundled}", "{name: resnet18, keywords: [layers]}"),
        ("name: digits", "name: digts"),
        ("name: digits", "name: digits, limit: 3"),
        ("alpha: 0.5", "alpha: 0"),
        ("alpha: 0.5", "alfa: 0.5"),
        ("optimizer: {name: adamw}", "optimizer: {name: adam}"),
        ("optimizer: {name: adamw}", "optimizer: {momentum: 2}"),
        ("local_epochs: 3,", "epochs: 3,"),
        ("{name: fedavg, label: FL}", "{name: fedavg, keep_fraction: 0.5}"),
        ("keep_fraction: 0.5", "keep_fraction: 1.5"),
        ("keep_fraction: 0.5", "keep: hard"),
        ("name: sfprompt", "name: sfpromt"),
        ("  rounds: 10\n", ""),
        ("[0, 1]", "0"),
    ],
)
def test_what_may_not(old: str, new: str) -> None:
    assert old in SCENARIO
    assert problems(SCENARIO.replace(old, new, 1))


@pytest.mark.parametrize(("part", "kinds"), [("Entry", plugins.ALGORITHMS), ("DataSettings", plugins.DATASETS)])
def test_the_keys_of_every_plug_in_stand_beside_ours(part: str, kinds: plugins.Plugins) -> None:
    found = alternatives(part)
    assert list(found) == kinds.names()
    ours = {"label", "training"} if part == "Entry" else {"partition"}
    for name, one in found.items():
        assert set(one["properties"]) == {"name", *ours, *kinds.find(name).model_fields}
        assert not one["additionalProperties"]


def test_descriptions_come_from_docstrings() -> None:
    head = alternatives("Entry")["splitfed"]["properties"]["head"]
    assert head["description"] == "blocks on the device behind the embedding."
    assert "off the simulated clock" in SCHEMA["$defs"]["EvaluationSettings"]["description"]
    assert SCHEMA["$defs"]["EvaluationSettings"]["properties"]["every"]["description"].startswith("Rounds from one")


def test_units_are_patterns_with_an_example() -> None:
    memory = SCHEMA["$defs"]["DeviceSettings"]["properties"]["memory"]
    assert memory["examples"] == ["4 GiB"]
    assert memory["type"] == "string"


def test_an_editor_is_offered_the_catalogue() -> None:
    (known, _) = SCHEMA["$defs"]["DeviceSettings"]["properties"]["name"]["anyOf"]
    assert "raspberry-pi-5" in known["enum"]


class Cook(Settings):
    """Cooks
    a meal. And ``more``.

    Attributes:
        salt, pepper: how much,
            in grams.
        other: no field.
    """

    salt: int = 1
    pepper: int = 2
    time: int = 3
    """Minutes."""


class Chef(Cook):
    """A cook."""

    time: int = 4
    """Hours."""


def test_docstrings_are_read() -> None:
    said = {"salt": "how much, in grams.", "pepper": "how much, in grams."}
    assert described(Cook) == said | {"time": "Minutes."}
    assert described(Chef) == said | {"time": "Hours."}
    assert summary(Cook) == "Cooks a meal. And `more`."


def test_the_command_prints_it_and_loads_nothing_heavy() -> None:
    code = "import sys; from simulator.cli.entry import app; app(['schema'], standalone_mode=False)\n"
    code += "print({'torch', 'timm', 'pandas'} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == "set()"
    assert json.loads(done.stdout) == SCHEMA
