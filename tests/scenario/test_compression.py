"""Compression as a scenario says it: merged kind by kind, written out, offered to editors, and refused in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from simulator.cli.entry import app
from simulator.experiments.trial import trial
from simulator.experiments.trial.validate import check
from simulator.learning.compression.int8 import Int8
from simulator.learning.compression.top_k import TopK
from simulator.scenario.overrides import difference, overridden
from simulator.scenario.scenario import ScenarioError, load
from simulator.scenario.schema import scenario_schema

INT8, FP16 = {"name": "int8"}, {"name": "fp16"}
TOP_K = {"name": "top_k", "fraction": 0.01, "of": "change"}
FEDAVG, SPLITFED = {"name": "fedavg"}, {"name": "splitfed"}
FEDLITE = {"name": "product_quantisation", "correction": 1e-6}


def written(folder: Path, compression: Any, entries: list[dict[str, Any]] | None = None) -> Path:
    """A scenario that compresses; without ``entries``, with FL and SFL."""
    file = folder / "small.yaml"
    data = {
        "name": "small",
        "world": {"devices": [{"name": "raspberry-pi-4", "count": 3}], "server": {"name": "rtx-4090"}},
        "model": {"name": "random", "image_size": 8},
        "data": {"name": "digits"},
        "training": {
            "rounds": 1,
            "clients_per_round": 2,
            "batch_size": 8,
            "optimizer": {"name": "sgd"},
            "compression": compression,
        },
        "algorithms": entries or [FEDAVG, SPLITFED],
    }
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return file


def entry(algorithm: dict[str, Any], compression: Any) -> dict[str, Any]:
    return algorithm | {"training": {"compression": compression}}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


# What is read.


def test_methods_by_kind(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, {"smashed data": INT8 | {"scale": "row"}, "model up": TOP_K}))
    wanted = {"smashed data": Int8(scale="row"), "model up": TopK(fraction=0.01, of="change")}
    assert scenario.training.compression == wanted
    assert [one.training.compression for one in scenario.algorithms] == [wanted, wanted]
    assert load(written(tmp_path, {})).training.compression == {}


def test_an_entry_overrides_kind_by_kind(tmp_path: Path) -> None:
    own = {
        "smashed data": {"name": "top_k", "fraction": 0.5},  # another method, wholly
        "model up": {"fraction": 0.2},  # the same, with another fraction
        "model down": FP16,
        "features": None,
    }
    shared = {"smashed data": INT8 | {"scale": "row"}, "model up": TOP_K, "features": FP16, "feature gradient": INT8}
    scenario = load(written(tmp_path, shared, [FEDAVG, entry(SPLITFED, own)]))
    fl, sfl = (one.training.compression for one in scenario.algorithms)
    assert fl == scenario.training.compression
    assert sfl["smashed data"] == TopK(fraction=0.5, of="value")
    assert sfl["model up"] == TopK(fraction=0.2, of="change")
    assert sfl["model down"].name == "fp16"  # type: ignore[union-attr]
    assert sfl["features"] is None
    assert sfl["feature gradient"] == Int8()


def test_what_is_resolved_reads_as_an_equal_scenario(tmp_path: Path) -> None:
    own = {"smashed data": {"name": "product_quantisation", "clusters": 8}, "features": None, "model": INT8}
    file = written(
        tmp_path, {"smashed data": INT8, "features": FP16, "model up": TOP_K}, [FEDAVG, entry(SPLITFED, own)]
    )
    scenario = load(file)
    again = tmp_path / "resolved.yaml"
    again.write_text(scenario.resolved())
    assert load(again) == scenario
    resolved = yaml.safe_load(scenario.resolved())
    assert resolved["training"]["compression"]["smashed data"] == {"of": "value", "name": "int8", "scale": "tensor"}
    assert "training" not in resolved["algorithms"][0]
    assert set(resolved["algorithms"][1]["training"]["compression"]) == {"smashed data", "features", "model"}


def test_difference_is_what_overridden_needs() -> None:
    base = {"compression": {"a": INT8 | {"scale": "row"}, "b": FP16, "c": FP16}, "rounds": 3}
    for wanted in (
        {"compression": {"a": FP16, "b": None, "c": FP16, "d": INT8}, "rounds": 3},
        {"compression": {"a": INT8 | {"scale": "tensor"}, "b": FP16, "c": TOP_K}, "rounds": 2},
        base,
    ):
        assert overridden(base, difference(wanted, base)) == wanted


def test_set_names_a_kind(tmp_path: Path) -> None:
    file = written(tmp_path, {"smashed data": INT8})
    overrides = ["training.compression.smashed data.scale=row", "training.compression.model up={name: fp16}"]
    found = load(file, overrides).training.compression
    assert found["smashed data"] == Int8(scale="row")
    assert found["model up"].name == "fp16"  # type: ignore[union-attr]


def test_all_works_on_the_command_line(tmp_path: Path) -> None:
    file = written(tmp_path, {"smashed data": INT8, "model up": TOP_K})
    told = CliRunner().invoke(app, ["validate", str(file)], catch_exceptions=False)
    assert "is a valid scenario" in told.output
    listed = CliRunner().invoke(app, ["list", "compressors"], catch_exceptions=False).output
    for word in ("cos_sgd", "fp16", "int8", "product_quantisation", "top_k", "fraction: 0.01", "of: value"):
        assert word in listed


def test_editors_know_it(tmp_path: Path) -> None:
    validator = Draft202012Validator(scenario_schema())

    def problems(compression: Any, own: Any = None) -> list[str]:
        file = written(tmp_path, compression, [entry(FEDAVG, own or {})])
        return [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))]

    assert (
        problems({"smashed data": INT8, "model up": TOP_K, "model down": None}, {"model up": {"fraction": 0.1}}) == []
    )
    for wrong in ({"model": {"name": "int9"}}, {"model": {"name": "top_k", "fraction": 0}}, {"model": "int8"}):
        assert problems(wrong)
        assert problems({}, wrong)


# What a run makes of it.


def test_a_trial_compresses_as_its_entry_says(tmp_path: Path) -> None:
    scenario = load(
        written(tmp_path, {"model down": INT8}, [FEDAVG, entry(FEDAVG | {"label": "b"}, {"model down": None})])
    )
    ledgers = [trial.run(scenario, one, 0, dry=True).ledger for one in scenario.algorithms]
    sent = [{row.bytes for row in ledger.transfers if row.source == "server"} for ledger in ledgers]
    assert max(sent[0]) < 0.26 * max(sent[1])
    assert [sum(row.work == "encode" for row in ledger.works) for ledger in ledgers] == [2, 0]


# What is refused.

SENT = "model up, model down, smashed data up, feature gradient up, features down, smashed gra"


@pytest.mark.parametrize(
    ("compression", "own", "said"),
    [
        (
            {"smashed dta": INT8},
            {},
            'training.compression.smashed dta: no algorithm sends anything of this kind; did you mean "smashed data"? '
            f"(allowed: {SENT}",
        ),
        ({"features up": INT8}, {}, "training.compression.features up: no algorithm sends anything of this kind"),
        (
            {},
            {"features": INT8},
            "algorithms.fedavg.training.compression.features: it sends nothing of this kind (allowed: model up, model",
        ),
        (
            {},
            {"modle up": None},
            'fedavg.training.compression.modle up: it sends nothing of this kind; did you mean "mod',
        ),
        (
            {"model up": {"name": "int9"}},
            {},
            'training.compression.model up.name is "int9": there is no compressor named "int9"; did you mean "int8"? '
            "(allowed: cos_sgd, fp16, int8, product_quantisation, top_k)",
        ),
        ({"model up": "int8"}, {}, 'model up is "int8": it must be a mapping with a name, such as {name: int8}'),
        ({"model up": {"fraction": 0.1}}, {}, "training.compression.model up.name: it is missing"),
        (["int8"], {}, "training.compression is"),
        (
            {"model up": TOP_K | {"fraction": 0}},
            {},
            "training.compression.model up.fraction is 0: it must be more than 0",
        ),
        ({"model up": TOP_K | {"fraction": 1.5}}, {}, "model up.fraction is 1.5: it must be at most 1"),
        (
            {"smashed data": {"name": "product_quantisation", "clusters": 1}},
            {},
            "training.compression.smashed data.clusters is 1: it must be at least 2",
        ),
        (
            {"smashed data": {"name": "product_quantisation", "subvectors": 6, "groups": 4}},
            {},
            "smashed data.groups is 4: it does not divide the 6 subvectors (allowed: 1, 2, 3, 6)",
        ),
        ({"model up": {"name": "cos_sgd", "bits": 17}}, {}, "model up.bits is 17: it must be at most 16"),
        ({"model up": INT8 | {"fraction": 0.1}}, {}, "model up.fraction is 0.1: there is no such key"),
        ({"model up": FP16 | {"of": "change"}}, {}, 'model up.of is "change": there is no such key'),
        (
            {"model up": INT8 | {"of": "chnge"}},
            {},
            'model up.of is "chnge": it is not one of those allowed; did you mean',
        ),
        (
            {"smashed data": TOP_K},
            {},
            'training.compression.smashed data.of is "change": there is a change only of what a device sends after it '
            "was sent the same kind (allowed: value; change for model up)",
        ),
        ({"model": TOP_K}, {}, 'training.compression.model.of is "change": there is a change only of what a device'),
        ({"model down": TOP_K}, {}, 'training.compression.model down.of is "change": there is a change only of what'),
        ({}, {"model down": TOP_K}, 'algorithms.fedavg.training.compression.model down.of is "change": there is a'),
    ],
)
def test_bad_compression(tmp_path: Path, compression: Any, own: Any, said: str) -> None:
    file = written(tmp_path, compression, [entry(FEDAVG, own), SPLITFED])
    with pytest.raises(ScenarioError) as error:
        check(load(file))
    (line,) = str(error.value).splitlines()
    assert re.match(r".*small\.yaml, line \d+: ", line)
    assert said in line


def test_what_one_entry_sends_does_not_apply_to_the_others(tmp_path: Path) -> None:
    check(load(written(tmp_path, {"smashed data": INT8, "model up": TOP_K})))
    with pytest.raises(ScenarioError, match="smashed data: no algorithm sends anything"):
        check(load(written(tmp_path, {"smashed data": INT8}, [FEDAVG])))
    sent = SPLITFED | {"labels": "sent"}
    with pytest.raises(ScenarioError, match='did you mean "smashed data and labels"'):
        check(load(written(tmp_path, {}, [entry(sent, {"smashed data and label": INT8})])))


def test_the_line_is_that_of_the_key(tmp_path: Path) -> None:
    file = written(tmp_path, {"smashed data": INT8, "features": TOP_K})
    number = file.read_text().splitlines().index("      of: change") + 1
    with pytest.raises(ScenarioError, match=f"line {number}: training.compression.features.of"):
        check(load(file))


# What is sent follows from what is trained.


def refused(folder: Path, compression: Any, *entries: dict[str, Any]) -> str:
    """What ``check`` says of it."""
    with pytest.raises(ScenarioError) as error:
        check(load(written(folder, compression, list(entries))))
    (line,) = str(error.value).splitlines()
    return line


def training(train: str, compression: Any) -> dict[str, Any]:
    return {"training": {"train": train, "compression": compression}}


@pytest.mark.parametrize(
    ("kind", "algorithm", "sends", "does_not"),
    [
        ("smashed gradient", SPLITFED, "full", "linear"),  # the head learns nothing
        ("feature gradient", SPLITFED, "prompt", "linear"),  # nor does what comes before the tail
        ("frozen weights", FEDAVG, "bias", "full"),
    ],
)
def test_a_leg_that_is_not_sent_cannot_be_compressed(
    kind: str, algorithm: dict[str, Any], sends: str, does_not: str, tmp_path: Path
) -> None:
    check(load(written(tmp_path, {}, [algorithm | training(sends, {kind: INT8})])))
    said = refused(tmp_path, {}, algorithm | training(does_not, {kind: INT8}))
    problem, allowed = said.split("(allowed: ")
    assert f"training.compression.{kind}: it sends nothing of this kind" in problem
    assert "model up" in allowed
    assert kind not in allowed
    both = [algorithm | {"label": how} | training(how, {}) for how in (sends, does_not)]
    check(load(written(tmp_path, {kind: INT8}, both)))


def test_what_devices_have_from_the_start_is_not_sent(tmp_path: Path) -> None:
    file = written(tmp_path, {"frozen weights": INT8}, [FEDAVG | training("bias", {})])
    check(load(file))
    with pytest.raises(ScenarioError, match=r"weights: no algorithm .* \(allowed: model up, model down\)"):
        check(load(file, ["world.provisioning=preinstalled"]))


def test_files_and_labels_cannot_be_compressed(tmp_path: Path) -> None:
    key, alone = "encoded images and labels", {"name": "centralized"}
    said = "it is integers alone, and only floating tensors are encoded (allowed: "
    assert f"{key}: {said}none)" in refused(tmp_path, {}, alone | {"training": {"compression": {key: INT8}}})
    assert f"{key} up: {said}model up, model down)" in refused(tmp_path, {f"{key} up": INT8}, alone, FEDAVG)


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("smashed data", SPLITFED | training("linear", {})),
        ("smashed data and labels", SPLITFED | {"labels": "sent"} | training("linear", {})),
        ("model up", FEDAVG),
    ],
)
def test_what_no_gradient_answers_is_not_corrected(kind: str, entry: dict[str, Any], tmp_path: Path) -> None:
    check(load(written(tmp_path, {kind: FEDLITE | {"correction": 0}}, [entry])))
    said = refused(tmp_path, {kind: FEDLITE}, entry)
    assert f"{kind}.correction is 1e-06: it corrects the gradient that comes back for smashed data, and here n" in said
    assert said.endswith("(allowed: 0)")


def test_a_correction_is_of_those_it_answers(tmp_path: Path) -> None:
    """Where one algorithm gets the gradient and the other does not, the other keeps nothing for it."""
    entries = [SPLITFED, SPLITFED | {"label": "linear"} | training("linear", {})]
    scenario = load(written(tmp_path, {"smashed data": FEDLITE}, entries))
    check(scenario)
    full, linear = (trial.run(scenario, one, 0, dry=True).ledger for one in scenario.algorithms)
    assert [any(row.work == "correct" for row in ledger.works) for ledger in (full, linear)] == [True, False]
