"""Every wrong scenario ends in a message that names the place, the key, the value, and what would be right."""

from pathlib import Path

import pytest

from simulator.scenario.scenario import ScenarioError, load
from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_toy_algorithms(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Path("toy.yaml")


def message(file: Path, *overrides: str) -> str:
    with pytest.raises(ScenarioError) as error:
        load(file, overrides)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "batch_size: 32",
            "batch_sise: 32",
            'line 14: training.batch_sise is 32: there is no such key; did you mean "batch_size"? (allowed: rounds, ',
        ),
        ("world:", "wrold:", 'line 4: wrold: there is no such key; did you mean "world"?'),
        (
            "20 Mbit/s",
            "20 Mbit",
            'line 6: world.devices.0.uplink.rate is "20 Mbit": "Mbit" is not a unit of bandwidth; did you mean '
            '"Mbit/s"? Write a bandwidth as a number with a unit, such as 20 Mbit/s',
        ),
        ("20 Mbit/s", "20", "line 6: world.devices.0.uplink.rate is 20: it has no unit."),
        (
            "20 Mbit/s",
            "0 Mbit/s",
            'line 6: world.devices.0.uplink.rate is "0 Mbit/s": it is zero, and must be more than 0',
        ),
        ("rtx-4090", "rtx-409", 'line 8: world.server: "rtx-409" is not in the catalogue; did you mean "rtx-4090"?'),
        (
            "uplink: lte",
            "uplink: {link: lte, signal: {name: trace, points: [[0 s, 1], [5 s, 0], [4 s, 1]]}}",
            'line 7: world.devices.1.uplink.signal.points.2 is "4 s": the trace runs backwards: the moment',
        ),
        (
            "uplink: lte",
            "uplink: {link: lte, signal: {name: outage, windows: [[1 s, 3 s], [2 s, 4 s]]}}",
            'line 7: world.devices.1.uplink.signal.windows.1 is "2 s to 4 s": it begins before the one above',
        ),
        (
            "uplink: lte",
            "uplink: {link: lte, signal: {name: markov, mean_good: 1 s, mean_bad: 1 s, bad: .nan}}",
            "line 7: world.devices.1.uplink.signal.bad is NaN: it must be",
        ),
        (
            "uplink: lte",
            "uplink: {link: lte, loss: 1}",
            "line 7: world.devices.1.uplink.loss is 1: it must be at most 0.999",
        ),
        ("uplink: lte", "uplink: lt", 'line 7: world.devices.1.uplink is "lt": there is no such link in the catalogue'),
        (
            "clients_per_round: 4",
            "clients_per_round: 5",
            "line 13: training.clients_per_round is 5: the world has 4 devices (allowed: 1 to 4)",
        ),
        (
            "name: sfprompt",
            "name: sfpromt",
            'line 19: algorithms.SFPrompt.name is "sfpromt": there is no algorithm named "sfpromt"; did you mean '
            '"sfprompt"? (allowed: fedavg, sfprompt)',
        ),
        (
            "keep_fraction",
            "keep_fracton",
            'line 22: algorithms.SFPrompt.keep_fracton is 0.5: there is no such key; did you mean "keep_fraction"?',
        ),
        (
            "keep_fraction: 0.5",
            "keep_fraction: 2",
            "line 22: algorithms.SFPrompt.keep_fraction is 2: it must be at most 1",
        ),
        (
            "{name: fedavg, label: FL}",
            "{name: fedavg, label: FL, local_epochs: 3}",
            'line 17: algorithms.FL.local_epochs is 3: there is no such key; did you mean "training: {local_ep',
        ),
        ("label: SFPrompt", "label: fl", 'line 20: algorithms.fl.label is "fl": an algorithm above has this label'),
        ("label: SFPrompt", "label: ../x", 'line 20: algorithms.../x.label is "../x": it names a folder'),
        ("label: SFPrompt", "label: 7", "line 20: algorithms.7.label is 7: it must be text; put it in quotes"),
        ("name: digits", "name: digts", 'line 10: data.name is "digts": there is no data set named "digts"'),
        ("alpha: 0.5", "alpha: 0", "line 10: data.partition.alpha is 0: it must be more than 0"),
        ("learning_rate: 0.05", "learning_rate: .nan", "line 15: training.optimizer.learning_rate is NaN: "),
        ("seeds: [0, 1]", "seeds: []", "line 2: seeds is []: it must hold at least 1"),
        ("seeds: [0, 1]", "seeds: [1, 1]", "line 2: seeds is [1, 1]: each seed may be given only once"),
        ("seeds: [0, 1]", "seeds: 1", "line 2: seeds is 1: it must be a list, such as [0, 1]"),
        ("seeds: [0, 1]", "seeds: [true]", "line 2: seeds.0 is true: it must be a whole number"),
        ("target_accuracy: 0.8", "target_accuracy: 80", "line 3: target_accuracy is 80: it must be at most 1"),
        (
            "target_accuracy: 0.8",
            "target_accuracy: 0.8\nevaluation: {settle: 0}",
            "line 4: evaluation.settle is 0: it must be more than 0",
        ),
        ("rounds: 10", "rounds: 2.5", "line 12: training.rounds is 2.5: it must be a whole number"),
        ("rounds: 10", "rounds:", "line 12: training.rounds: it must be a whole number"),
        (
            "rounds: 10",
            "rounds: 10\n  schedule: {name: cosine, warmup: 10}",
            "line 13: training.schedule.warmup is 10: in 10 rounds the full rate is never reached (allowed: 0 to 9)",
        ),
        ("  rounds: 10\n", "", "line 11: training.rounds: it is missing"),
        (
            "model: {name: bundled}",
            "model: bundled",
            'line 9: model is "bundled": it must be a mapping of keys to values',
        ),
        ("count: 3", "count: 3, precision: fp16", 'line 6: world.devices.0.precision is "fp16": it has no rate'),
        (
            "count: 3",
            "count: 3, precision: fp31",
            'precision is "fp31": it is not one of those allowed; did you mean "fp',
        ),
    ],
)
def test_wrong_value(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(SCENARIO.replace(old, new, 1))
    first = message(file).splitlines()[0]
    assert first.startswith("toy.yaml, line ")
    assert said in first


def test_all_problems_in_the_order_of_the_file(file: Path) -> None:
    file.write_text(SCENARIO.replace("count: 3", "count: 0").replace("rounds: 10", "rounds: 0").replace("0.8", "8"))
    assert [line.split(":")[0] for line in message(file).splitlines()] == [
        "toy.yaml, line 3",
        "toy.yaml, line 6",
        "toy.yaml, line 12",
    ]


def test_a_problem_in_training_is_not_repeated_for_each_algorithm(file: Path) -> None:
    file.write_text(SCENARIO.replace("batch_size: 32", "batch_size: 0"))
    assert message(file) == "toy.yaml, line 14: training.batch_size is 0: it must be more than 0"


def test_a_problem_in_an_algorithms_training_is_named_there(file: Path) -> None:
    file.write_text(SCENARIO.replace("local_epochs: 3", "local_epochs: 0"))
    assert message(file) == "toy.yaml, line 18: algorithms.FL+AdamW.training.local_epochs is 0: it must be more than 0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "toy.yaml: the file is empty"),
        (b"# nothing\n", "toy.yaml: the file is empty"),
        (b"\x80\x04\x95\x00", "toy.yaml: this is not a text file in UTF-8"),
        (b"name: a\x00b\n", "toy.yaml: this is not a text file: it has characters that no text has"),
        (b"- a\n- b\n", "toy.yaml, line 1: the file must be a mapping of keys to values"),
        (b"just words\n", "toy.yaml, line 1: the file must be a mapping of keys to values"),
        (b"name: toy\nworld: {devices: [", "toy.yaml, line 2: this is not complete, valid YAML"),
        (b'name: toy\nmodel: "bund', "toy.yaml, line 2: this is not complete, valid YAML"),
        (b"name: toy\n\tmodel: x\n", "toy.yaml, line 2: this is not complete, valid YAML"),
        (
            b"name: a\nmodel: !!python/object:os.system {}\n",
            'toy.yaml, line 2: the tag "!!python/object:os.system" is not',
        ),
        (b"name: !secret x\n", 'toy.yaml, line 1: the tag "!secret" is not allowed'),
        (b"name: a\nseeds: [0]\nname: b\n", 'toy.yaml, line 3: the key "name" is given twice, first in line 1'),
        (b"name: a\nworld: {server: {slots: 1, slots: 2}}\n", 'toy.yaml, line 2: the key "slots" is given twice'),
        (b"name: a\nseeds: &a [*a]\n", "toy.yaml, line 2: an alias (*) contains itself"),
        (b"name: a\n? [b, c]\n: d\n", "toy.yaml, line 2: a key must be a word"),
        (b"a: " + b"[" * 5000, "toy.yaml: it is nested too deeply"),
        (b"a: 1" + b"0" * 5000, "toy.yaml, line 1: 1000000000000000000000000000000000000000 cannot be read"),
    ],
)
def test_no_scenario_at_all(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    assert message(file).startswith(said)


def test_aliases_of_aliases_end_soon(file: Path) -> None:
    rows = [f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 9)}]" for i in range(1, 12)]
    file.write_text("\n".join(["k0: &k0 [1]", *rows]))
    assert "contains itself, or expands to too much" in message(file)


def test_missing_file(file: Path) -> None:
    assert message(file) == "toy.yaml: there is no such file"


def test_folder(file: Path) -> None:
    file.mkdir()
    assert message(file) == "toy.yaml: this is a folder; name a YAML file in it"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "algorithms.SFPromt.head=2",
            '--set algorithms.SFPromt.head=2: algorithms has no "SFPromt"; did you mean "SFPrompt"? '
            "(allowed: FL, FL+AdamW, SFPrompt, 0 to 2, or * for all)",
        ),
        ("algorithms.3.head=2", '--set algorithms.3.head=2: algorithms has no "3"'),
        (
            "world.devices.2.count=2",
            '--set world.devices.2.count=2: world.devices has no "2" (allowed: raspberry-pi-4, jetson-nano, 0 to 1, or',
        ),
        ("training.rounds.x=2", "--set training.rounds.x=2: training.rounds is 10, which has no keys in it"),
        (
            "trainig.rounds=2",
            'toy.yaml, --set trainig.rounds=2: trainig: there is no such key; did you mean "training"?',
        ),
        ("training.rounds=0", "toy.yaml, --set training.rounds=0: training.rounds is 0: it must be more than 0"),
        (
            "training.optimizer.lerning_rate=1",
            "toy.yaml, --set training.optimizer.lerning_rate=1: training.optimizer.lerning_rate is 1: there is no such "
            'key; did you mean "learning_rate"?',
        ),
        ("world.server.uplink.rate=1 MB", "toy.yaml, --set world.server.uplink.rate=1 MB: world.server.uplink.rate is"),
        ("training.rounds", "--set training.rounds: write it as KEY=VALUE, such as training.rounds=5"),
        ("=5", "--set =5: write it as KEY=VALUE"),
        ("seeds=[0", "--set seeds=[0, line 1: this is not complete, valid YAML"),
        ("name=!!python/none", '--set name=!!python/none, line 1: the tag "!!python/none" is not allowed'),
    ],
)
def test_wrong_override(file: Path, override: str, said: str) -> None:
    file.write_text(SCENARIO)
    assert message(file, override).startswith(said)
