"""What a search file may say, and one message for each mistake."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.search.objectives import Bound
from simulator.experiments.search.settings import load
from simulator.experiments.search.space import dimension_of
from simulator.experiments.sweep.relative import Relative
from simulator.settings.errors import ScenarioError
from tests.helpers.small_searches import HEAD, RATE, searched
from tests.helpers.small_sweeps import Write


@pytest.mark.parametrize(
    ("said", "size", "ends"),
    [
        ({"integers": [1, 4]}, 4, (1, 4)),
        ({"integers": [8, 64], "step": 8}, 8, (8, 64)),
        ({"integers": [1, 8], "log": True}, 8, (1, 8)),
        ({"floats": [1.0e-4, 0.1], "log": True}, None, (1.0e-4, 0.1)),
        ({"floats": ["1 Mbit/s", "9 Mbit/s"]}, None, ("1 Mbit/s", "9 Mbit/s")),
        ({"times": {"floats": [0.2, 5], "log": True}}, None, (Relative("times", 0.2), Relative("times", 5.0))),
        ({"times": [0.5, 1, 2]}, 3, (Relative("times", 0.5), Relative("times", 2))),
        ({"range": [2, 8], "step": 2}, 4, (2, 8)),
        (["fp32", "fp16"], 2, ("fp32", "fp16")),
    ],
)
def test_what_a_key_may_be(said: Any, size: int | None, ends: tuple[Any, Any]) -> None:
    dimension = dimension_of(said)
    assert (dimension.size, dimension.ends) == (size, ends)
    assert dimension_of(dimension.said()) == dimension, "a folder can tell it from another"


def test_numbers_in_order_are_searched_in_order_and_all_else_is_a_choice() -> None:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    for ordered in ([1, 2, 4], ["80 Mbit/s", "5 Mbit/s"], {"times": [0.5, 2]}):
        assert isinstance(dimension_of(ordered).distribution(), IntDistribution)
    for choice in ([1, 4, 2], ["fp32", "fp16"], ["5 Mbit/s", 7], [True, False], [{"name": "iid"}, {"name": "even"}]):
        assert isinstance(dimension_of(choice).distribution(), CategoricalDistribution)


def test_floats_have_four_digits_and_stay_between_the_ends() -> None:
    rate = dimension_of({"floats": [0.12344, 0.5]})
    assert rate.value(0.3217890123) == 0.3218
    assert rate.value(0.12344) == 0.12344, "0.1234 is outside"
    assert dimension_of({"floats": ["1 Mbit/s", "9 Mbit/s"]}).value(2.00049) == "2 Mbit/s"


def test_a_bound_is_violated_by_a_share() -> None:
    assert Bound(at_least=0.8).violation("settled_accuracy", 0.6) == pytest.approx(0.25)
    assert Bound(at_most="30 MB").violation("bytes", 60e6) == pytest.approx(1)
    assert Bound(at_least=1, at_most=2).violation("updates", 1.5) == 0
    assert Bound(at_most="10 min").violation("sim_time_s", None) == 1


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"objectives": [{"minimise": "byte_to_target"}]}, 'a trial has no figure "byte_to_target"; did you mean "bytes_to_target"?'),  # noqa: E501
    ({"objectives": [{"minimise": "wall_time_s"}]}, 'a trial has no figure "wall_time_s"'),
    ({"objectives": [{"minimize": "bytes"}]}, 'there is no such key; did you mean "minimise"?'),
    ({"objectives": [{"minimise": "bytes", "maximise": "updates"}]}, "an objective is either"),
    ({"objectives": [{"minimise": "bytes"}, {"maximise": "bytes"}]}, "bytes is an objective already"),
    ({"objectives": []}, "objectives"),
    ({"objectives": [{"minimise": "training.wire_dtype"}], "space": {"training.wire_dtype": ["fp32", "fp16"]}},
     "training.wire_dtype has values that are no numbers"),
    ({"constraints": {"byte": {"at_most": 3}}}, 'a trial has no figure "byte"; did you mean "bytes"?'),
    ({"constraints": {"bytes": {"at_most": "3 s"}}}, '"s" is not a unit of memory size'),
    ({"constraints": {"updates": {"at_most": "3 s"}}}, "3 s has a unit, and updates has none"),
    ({"constraints": {"bytes": {}}}, "a bound is at_least, at_most or both"),
    ({"space": {}}, "it is empty: name at least one key of the scenario"),
    ({"space": {HEAD: 3}}, "write {integers: [1, 8]}"),
    ({"space": {HEAD: {"integer": [1, 3]}}}, 'did you mean "integers"?'),
    ({"space": {HEAD: {"integers": [3, 1]}}}, "the second end must be more than the first"),
    ({"space": {HEAD: {"integers": [1, 2.5]}}}, "integers have whole ends without a unit"),
    ({"space": {HEAD: {"integers": [1, 6], "step": 2}}}, "the last step must end at the second end"),
    ({"space": {RATE: {"floats": [0, 1], "log": True}}}, "with log, both ends must be more than 0"),
    ({"space": {RATE: {"floats": ["1 Mbit/s", "1 Gbit/s"]}}}, "write both ends in the same unit"),
    ({"space": {"seeds": [[0], [1]]}}, "seeds are not searched"),
    ({"space": {HEAD: [1, 2]}, "set": {HEAD: 1}}, "it is in the space"),
    ({"sampler": {"name": "tpee"}}, 'did you mean "tpe"?'),
    ({"pruning": {"name": "medium"}}, 'did you mean "median"?'),
    ({"trials": 0}, "trials"),
    ({"axes": {HEAD: [1]}}, "there is no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_mistake_is_told_with_its_line(write: Write, said: dict[str, Any], message: str) -> None:
    file = write(**said)
    with pytest.raises(ScenarioError) as refused:
        load(file)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{file}, line ")
    assert message in line


LATER: list[tuple[dict[str, Any], str]] = [
    ({"space": {"algorithms.SFL.heat": [1, 2]}}, 'algorithms.SFL.heat: there is no such key; did you mean "head"?'),
    ({"space": {"algorithms.SLF.head": [1, 2]}}, "algorithms.SLF.head: "),
    ({"space": {"name": {"times": [1, 2]}}}, 'name is "tiny" in the scenario, and times changes only numbers'),
    ({"space": {HEAD: [1, 2], "algorithms.*.head": [1, 2]}}, f"{HEAD} sets {HEAD}, too"),
    ({"algorithm": "SLF"}, 'the scenario has no such label; did you mean "SFL"?'),
    ({"objectives": [{"maximise": "settled_accuracy"}]}, "no trial has settled_accuracy: a dry run has no accuracy"),
    ({"constraints": {"best_accuracy": {"at_least": 0.5}}}, "no trial has best_accuracy: a dry run has no accuracy"),
    ({"objectives": [{"minimise": "cost_usd"}]}, "no trial has cost_usd: the scenario has no prices"),
    ({"objectives": [{"minimise": "carbon_kg"}]}, "no trial has carbon_kg: the scenario has no carbon intensities"),
    ({"objectives": [{"minimise": "bytes_edge_up"}]}, "no trial has bytes_edge_up: the scenario has no edges"),
    ({"scenario": "nowhere.yaml"}, "there is no file "),
]


@pytest.mark.parametrize(("said", "message"), LATER, ids=[message for _, message in LATER])
def test_what_the_scenario_does_not_have_is_told_before_anything_is_written(
    write: Write, said: dict[str, Any], message: str
) -> None:
    file = write(**said)
    with pytest.raises(ScenarioError) as refused:
        searched(file)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{file}, line ")
    assert message in line
    assert not (file.parent / "out").exists()


def test_a_target_that_the_scenario_does_not_have(write: Write) -> None:
    with pytest.raises(
        ScenarioError, match="no trial has bytes_to_target: the scenario has neither target_accuracy nor"
    ):
        searched(write(objectives=[{"minimise": "bytes_to_target"}]), dry=False)


def test_a_target_loss_is_a_target(write: Write) -> None:
    objectives = [{"minimise": "bytes_to_target"}]
    with pytest.raises(ScenarioError, match="a dry run has no accuracy"):
        searched(write(objectives=objectives, set={"target_loss": 2.0}))


def test_perplexity_is_of_language_models(write: Write) -> None:
    with pytest.raises(ScenarioError, match="no trial has perplexity: only models that predict the next token have"):
        searched(write(objectives=[{"minimise": "perplexity"}]), dry=False)


def test_an_override_of_a_key_of_the_space(write: Write) -> None:
    with pytest.raises(ScenarioError, match=r"--set algorithms\.0\.head=2|this is in the space"):
        searched(write(), f"{HEAD}=2")
