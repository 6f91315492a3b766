"""Claims on a small model against hand formulas, and on a file of results against its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.experiments.evidence.claims_run import ClaimResult, run_claim
from simulator.settings.errors import ScenarioError

DIM, TOKENS, CLASSES = 128, 5, 5
BLOCK = 12 * DIM**2 + 13 * DIM
END = 2 * DIM + DIM * CLASSES + CLASSES  # norm and classifier
WHOLE = (3 * 4 * 4 * DIM + DIM + DIM + TOKENS * DIM) + 6 * BLOCK + END
HEAD = """\
name: small
claim: Something is so.
source: {paper: "nobody (2024)", where: nowhere, mark: M}
conditions: stated
otherwise: does not
"""
SCENARIO = """\
scenario:
  name: small
  world: {devices: [{name: raspberry-pi-4, count: 1}], server: {name: rtx-4090}}
  model: {name: random, image_size: 8}
  data: {name: synthetic, samples: 100, test_samples: 10, classes: 5}
  training: {rounds: 1, clients_per_round: 1, batch_size: 100, optimizer: {name: sgd, learning_rate: 0.1}}
  algorithms:
    - {name: fedavg, label: FL}
    - {name: sfprompt, label: SFPrompt, head: 1, tail: 0, prompts: {length: 1}, local_epochs: 0, keep_fraction: 1}
"""
RATIO = "{name: ratio, of: SFPrompt, over: FL, quantity: bytes}"


def outcome(tmp_path: Path, *parts: str) -> ClaimResult:
    file = tmp_path / "small.yaml"
    file.write_text("\n".join([HEAD.rstrip(), *parts]))
    return run_claim(file)


def share(samples: int) -> float:
    """SFPrompt's bytes over FL's: tail and prompt both ways, and four times the tokens of each sample."""
    return (2 * (END + DIM) + 4 * (TOKENS + 1) * DIM * samples) / (2 * WHOLE)


def test_a_ratio_is_that_of_the_hand_formula(tmp_path: Path) -> None:
    figure = f"figures: [{{label: bytes, measure: {RATIO}, claimed: {share(100)!r}, within: 1.0e-12}}]"
    found = outcome(tmp_path, SCENARIO, figure)
    assert found.verdict == "holds"
    assert found.conditions[0].figures[0].values == pytest.approx([share(100)], rel=1e-12)


def test_a_saving_is_what_is_left_to_one(tmp_path: Path) -> None:
    measure = RATIO.replace("ratio", "saving")
    found = outcome(tmp_path, SCENARIO, f"figures: [{{label: bytes, measure: {measure}, at_least: 0}}]")
    assert found.conditions[0].figures[0].values == pytest.approx([1 - share(100)], rel=1e-12)


def test_an_amount_is_that_of_a_device(tmp_path: Path) -> None:
    """Two devices send two models, and each sends one."""
    measure = "{name: amount, of: FL, quantity: bytes_up, in_unit: MiB}"
    more = "set: {world.devices.0.count: 2, training.clients_per_round: 2}"
    found = outcome(tmp_path, SCENARIO, more, f"figures: [{{label: bytes, measure: {measure}, at_least: 0}}]")
    assert found.conditions[0].figures[0].values == (4 * WHOLE / 2**20,)


def test_samples_at_the_break_even_point(tmp_path: Path) -> None:
    measure = "{name: break_even, of: SFPrompt, over: FL}"
    found = outcome(tmp_path, SCENARIO, f"figures: [{{label: samples, measure: {measure}, at_least: 1}}]")
    (samples,) = found.conditions[0].figures[0].values
    assert share(int(samples) - 1) < 1 <= share(int(samples))


def test_conditions_are_all_combinations_and_decide_one_by_one(tmp_path: Path) -> None:
    found = outcome(
        tmp_path,
        SCENARIO,
        "cases: [{label: few}, {label: many, set: {data.samples: 1000}}]",
        "tried: {algorithms.SFPrompt.prompts.length: [1, 2]}",
        f"figures: [{{label: bytes, measure: {RATIO}, at_most: {(share(100) + share(120)) / 2!r}}}]",
    )
    assert [tried.label for tried in found.conditions] == [
        "few, prompts 1",
        "few, prompts 2",
        "many, prompts 1",
        "many, prompts 2",
    ]
    assert [tried.state for tried in found.conditions] == [True, False, False, False]
    assert found.verdict == "holds if"


def test_a_search_finds_the_samples_that_give_both_figures(tmp_path: Path) -> None:
    """All samples give the first figure from 200 to 220; half of them give the second from 210 on."""
    low, high = share(200), share(220)
    narrow = f"{{label: wide, measure: {RATIO}, at_least: {low!r}, at_most: {high!r}}}"
    kept = (
        f"{{label: half, set: {{algorithms.SFPrompt.keep_fraction: 0.5}}, measure: {RATIO}, at_least: {share(105)!r}}}"
    )
    found = outcome(
        tmp_path, SCENARIO, "search: {data.samples: {range: [10, 400], step: 1}}", f"figures: [{narrow}, {kept}]"
    )
    assert found.verdict == "holds"
    assert found.conditions[0].label == "samples 210 to 220"


def test_a_search_may_find_nothing_that_gives_both(tmp_path: Path) -> None:
    figures = [f"{{label: a, measure: {RATIO}, at_most: {share(100)!r}}}"]
    figures += [f"{{label: b, measure: {RATIO}, at_least: {share(101)!r}}}"]
    found = outcome(
        tmp_path, SCENARIO, "search: {data.samples: {range: [10, 400], step: 1}}", f"figures: [{', '.join(figures)}]"
    )
    assert found.verdict == "does not"
    assert [one.where for one in found.conditions[0].figures] == ["with samples 10 to 100", "with samples 101 to 400"]


def test_training_is_compared_by_seed(tmp_path: Path) -> None:
    """Split in any way, version 1 of SplitFed learns what FL learns; a smaller learning rate does not."""
    sfl = "{name: splitfed, label: SFL, head: 1, tail: 1}"
    slow = "{name: fedavg, label: slow, training: {optimizer: {learning_rate: 0.001}}}"
    changes = f"set: {{seeds: [0, 1], algorithms: [{{name: fedavg, label: FL}}, {sfl}, {slow}]}}"
    measure = "{name: trained, of: %s, minus: FL, quantity: loss}"
    figures = [
        f"{{label: {label}, measure: {measure % label}, claimed: 0, within: 1.0e-4}}" for label in ("SFL", "slow")
    ]
    found = outcome(tmp_path, SCENARIO, changes, f"figures: [{', '.join(figures)}]")
    assert [len(one.values) for one in found.conditions[0].figures] == [2, 2]
    assert [one.state for one in found.conditions[0].figures] == [True, False]


ROWS = """\
label,seed,partition,settled_accuracy
A,0,iid,0.50
A,1,iid,0.60
B,1,iid,0.55
B,0,iid,0.48
A,0,skewed,0.5
A,1,skewed,0.5
B,0,skewed,0.4
B,1,skewed,0.6
"""
RECORDED = """\
cases: [{label: even, set: {partition: iid}}, {label: uneven, set: {partition: skewed}}]
figures:
  - label: A minus B
    measure: {name: recorded, file: rows.csv, of: {label: A}, minus: {label: B}}
    at_least: 0.001
"""


def test_rows_are_paired_by_seed(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    found = outcome(tmp_path, RECORDED)
    assert found.conditions[0].figures[0].values == pytest.approx([0.02, 0.05])
    assert [tried.state for tried in found.conditions] == [True, None]
    assert found.conditions[0].figures[0].text() == "+3.5 points (+2.0 to +5.0)"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("label: A}", "label: C}", "has no row with partition iid, label C"),
        ("label: A}", "lable: A}", 'has no column "lable"; did you mean "label"?'),
        ("partition: iid", "seed: 0", "has several rows for one seed with seed 0, label A"),
        ("rows.csv", ".", "it cannot be read: Is a directory"),
    ],
)
def test_rows_that_cannot_be_compared(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    with pytest.raises(ScenarioError) as error:
        outcome(tmp_path, RECORDED.replace(old, new))
    assert problem in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'small.yaml'}, line ")


def test_results_that_nobody_trained_are_no_verdict(tmp_path: Path) -> None:
    found = outcome(tmp_path, RECORDED)
    assert (found.verdict, found.missing) == ("not measured", ["rows.csv"])


def test_rows_with_other_seeds(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS.replace("B,1,iid", "B,2,iid"))
    with pytest.raises(ScenarioError, match="it has the seeds 0, 1, and what is compared with it 2, 0"):
        outcome(tmp_path, RECORDED)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([SCENARIO.replace("name: random", "name: rand")], "line 9: model.name"),
        ([SCENARIO, "set: {data.sample: 3}"], "data.sample"),
        ([SCENARIO.replace("label: FL", "label: FedAvg")], "figures.0.measure.over is"),
        ([SCENARIO, "tried: {algorithms.SFPrompt.head: [1, 9]}"], "head"),
    ],
)
def test_a_scenario_that_fails_is_told_with_the_file(tmp_path: Path, parts: list[str], problem: str) -> None:
    with pytest.raises(ScenarioError) as error:
        outcome(tmp_path, *parts, f"figures: [{{label: bytes, measure: {RATIO}, at_most: 1}}]")
    assert str(tmp_path / "small.yaml") in str(error.value)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        (f"[{{label: a, measure: {RATIO}}}]", "figures: none of them decides"),
        (f"[{{label: a, measure: {RATIO}, within: 1}}]", "figures.0.claimed: within is a distance to it"),
        (f"[{{label: a, measure: {RATIO}, claimed: 1, within: 1, at_most: 3}}]", "a figure has one tolerance"),
        (f"[{{label: a, measure: {RATIO}, at_least: 2, at_most: 1}}]", "it is less than at_least"),
        (f"[{', '.join(2 * [f'{{label: a, measure: {RATIO}, at_most: 1}}'])}]", "two of them have the same label"),
        ("[{label: a, measure: {name: rato, of: FL}, at_most: 1}]", 'there is no measure named "rato"'),
    ],
)
def test_a_file_that_is_no_claim(tmp_path: Path, figures: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as error:
        outcome(tmp_path, SCENARIO, f"figures: {figures}")
    assert str(error.value).startswith(f"{tmp_path / 'small.yaml'}, line ")
    assert problem in str(error.value)


def test_a_claim_is_named_as_its_file(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("\n".join([HEAD.rstrip(), SCENARIO, f"figures: [{{label: a, measure: {RATIO}, at_most: 1}}]"]))
    with pytest.raises(ScenarioError, match='line 1: name is "small": a claim is named as its file'):
        run_claim(file)
