"""Sweep folders are read as they were written, whatever became of their trials, and what is none is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from analysis import RunError, load_sweep
from analysis.axes import Axis, parse_values, relative_to, short_names
from analysis.grids import seeds_said
from analysis.sweeps import MEASURES, TEXT
from simulator.settings.units import BANDWIDTH, DURATION, MEMORY, POWER, RATE, Quantity
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import BATCH, HEAD, UPLINK, costs, fabricate_sweep

RATES = ["1 Mbit/s", "20 Mbit/s"]


def test_each_point_entry_and_seed_has_a_row_with_its_measures(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: ["0", "2"]}, seeds=(0, 1)))
    assert (sweep.name, sweep.version, sweep.dry, sweep.labels) == ("made up", "0.1.0", False, ["FL", "SFPrompt"])
    assert len(sweep.summary) == 2 * 2 * 2 * 2
    assert set(MEASURES) < set(sweep.summary.columns)
    for row in sweep.summary.to_dict("records"):
        place = {UPLINK: row[UPLINK + TEXT], HEAD: row[HEAD + TEXT]}
        if row["label"] == "FL":
            del place[HEAD]
        wanted = costs(row["label"], place, row["seed"])
        found = {key: None if math.isnan(row[key]) else row[key] for key in wanted}
        assert (found, row["status"]) == (wanted, "done")


def test_values_with_units_are_numbers_that_keep_their_text(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["20 Mbit/s", "1 Mbit/s"]}))
    axis = sweep.axis(UPLINK)
    assert (axis.values, axis.texts, axis.numeric) == ((1.25e5, 2.5e6), ("1 Mbit/s", "20 Mbit/s"), True)
    assert list(sweep.summary[UPLINK + TEXT]) == ["20 Mbit/s"] * 2 + ["1 Mbit/s"] * 2


@pytest.mark.parametrize("quantity", [BANDWIDTH, DURATION, MEMORY, POWER, RATE], ids=lambda quantity: quantity.name)
def test_units_are_read_as_the_simulator_reads_them(quantity: Quantity) -> None:
    texts = [f"{number} {unit}" for unit in quantity.units for number in ("3", "1.25", "1e3")]
    assert parse_values(texts) == [pytest.approx(quantity.parse(text), rel=1e-15) for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        ["vit_tiny", "vit_base"],
        ["1", "none"],
        ["1 W", "1 s"],
        ["1", "1 s"],
        ["nan", "1"],
        ["True", "False"],
        [""],
        ["×2", "2"],
        ["×1 s", "×2 s"],
        ["×"],
    ],
)
def test_values_that_do_not_compare_stay_words(texts: list[str]) -> None:
    assert parse_values(texts) == texts
    assert Axis.of("key", texts, texts).numeric is False


@pytest.mark.parametrize(
    ("texts", "logarithmic"),
    [
        (["1", "2", "4"], True),
        (["1", "2", "3"], False),
        (["1", "2"], False),
        (["1", "50"], True),
        (["0", "50"], False),
        (["a", "b"], False),
        (["1", "3.16", "10"], True),
        (["3"], False),
    ],
)
def test_an_axis_whose_values_grow_by_a_factor_is_logarithmic(texts: list[str], logarithmic: bool) -> None:
    assert Axis.of("key", parse_values(texts), texts).logarithmic is logarithmic


def test_ticks_are_what_was_written_with_long_decimals_cut() -> None:
    texts = ["1 Mbit/s", "3.1622776601683795 Mbit/s", "0.5 Mbit/s", "1234.5678 Mbit/s"]
    axis = Axis.of("rate", parse_values(texts), texts)
    assert axis.ticks == ("0.5 Mbit/s", "1 Mbit/s", "3.16 Mbit/s", "1235 Mbit/s")
    close = ["1.00001", "1.00002"]
    assert Axis.of("x", parse_values(close), close).ticks == tuple(close)


def test_values_relative_to_the_scenario_are_numbers_and_keep_their_sign() -> None:
    factors, sums = ["×5", "×0.2", "×0.333333333"], ["+5 ms", "-5 ms", "+0 ms"]
    factor, added = (Axis.of("key", parse_values(texts), texts) for texts in (factors, sums))
    assert (factor.values, factor.ticks) == ((0.2, 0.333333333, 5.0), ("×0.2", "×0.333", "×5"))
    assert (added.values, added.ticks) == ((-0.005, 0.0, 0.005), ("-5 ms", "+0 ms", "+5 ms"))


@pytest.mark.parametrize(("text", "wanted"), [("×2", 6), ("×0.5", 1.5), ("+2", 5), ("-2", 1), ("4", 4)])
def test_what_a_value_stands_for(text: str, wanted: float) -> None:
    assert relative_to(3, text) == wanted


def test_ticks_of_mappings_and_lists_are_words() -> None:
    texts = ['{"name": "dirichlet", "alpha": 0.1}', '{"name": "iid"}', '{"rate": "8 Mbit/s"}', "{}", "{broken"]
    ticks = ("dirichlet, alpha 0.1", "iid", "rate 8 Mbit/s", "{}", "{broken")
    texts += ['[{"name": "splitfed", "label": "SFL", "head": 2}, {"name": "fedavg"}]', "[1, 2]", "[]"]
    ticks += ("SFL, fedavg", "1, 2", "[]")
    texts += ['{"gpu": "1 USD/h", "electricity": {"server": "2 USD/kWh"}}', '{"electricity": {"a": 1, "b": [2]}}']
    ticks += ("gpu 1 USD/h, electricity server 2 USD/kWh", "electricity (a 1, b [2])")
    assert Axis.of("data.partition", parse_values(texts), texts).ticks == ticks


def test_keys_are_shortened_until_no_two_are_alike() -> None:
    keys = [UPLINK, "world.devices.*.downlink.rate", HEAD, "a.b", "b"]
    short = ["uplink.rate", "downlink.rate", "head", "a.b", "b"]
    assert list(short_names(keys).values()) == short
    assert short_names(["algorithms.*.head"]) == {"algorithms.*.head": "head"}


def test_failed_and_missing_trials_keep_their_rows_without_measures(tmp_path: Path) -> None:
    fabricate_sweep(
        tmp_path,
        {UPLINK: RATES},
        failed=lambda label, place, _: label == "FL" and place[UPLINK] == RATES[0],
        missing=lambda label, place, _: label == "FL" and place[UPLINK] == RATES[1],
    )
    rows = load_sweep(tmp_path).summary
    own = rows[rows["label"] == "FL"]
    assert list(own["status"]) == ["failed", "missing"]
    assert list(own["message"]) == ["devices.pi: the model does not fit", ""]
    assert own[list(MEASURES)].isna().all(axis=None)
    assert rows.loc[rows["label"] == "SFPrompt", "sim_time_s"].notna().all()


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (None, "missing", "summary.json: this file is missing"),
        ("{", "broken", "cannot be read as JSON"),
        ('{"trials": []}', "broken", "lacks a trial; was it written by another version of sfsim?"),
        ('{"trials": [{}]}', "broken", "lacks rounds"),
        ('{"trials": [{}, {}]}', "broken", "lacks a trial"),
        (json.dumps({"trials": [dict.fromkeys(MEASURES, 1.0) | {"bytes_up": "much"}]}), "broken", "bytes_up must be"),
    ],
)
def test_a_trial_that_cannot_be_read_says_why(tmp_path: Path, content: str | None, status: str, says: str) -> None:
    fabricate_sweep(tmp_path, {UPLINK: RATES}, labels=("FL",))
    broken = load_sweep(tmp_path).summary["trial"].iloc[0]
    path = tmp_path / "trials" / str(broken) / "summary.json"
    path.unlink() if content is None else path.write_text(content)
    first, second = load_sweep(tmp_path).summary.to_dict("records")
    assert (first["status"], second["status"]) == (status, "done")
    assert says in first["message"]
    assert math.isnan(first["sim_time_s"])
    assert second["message"] == ""


def test_a_point_that_is_no_scenario_has_no_trial(tmp_path: Path) -> None:
    path = fabricate_sweep(tmp_path, {HEAD: ["0", "9"]}, failed=lambda _, place, __: place[HEAD] == "9") / "points.csv"
    frame = pd.read_csv(path, dtype="object", keep_default_na=False)
    frame.loc[frame[HEAD] == "9", "trial"] = ""
    frame.to_csv(path, index=False)
    sweep = load_sweep(tmp_path)
    assert list(sweep.summary["status"]) == ["done", "done", "failed", "failed"]
    assert seeds_said(sweep) == "one seed; 2 of 4 trials failed or missing"


def test_a_sweep_without_any_trial_can_be_read(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, missing=lambda *_: True))
    assert (len(sweep.summary), sweep.dry) == (4, False)
    assert sweep.summary[list(MEASURES)].isna().all(axis=None)


def test_folders_that_hold_no_sweep_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, says in (("nowhere", "no such folder"), ("empty", r"not a sweep folder, it has no points\.csv")):
        with pytest.raises(RunError, match=says):
            load_sweep(tmp_path / folder)
    with pytest.raises(RunError, match="not a sweep folder, it is a run's"):
        load_sweep(fabricate(tmp_path / "run", rounds=1))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("points.csv", "", "CSV"),
        ("points.csv", "trial,point,label,algorithm,seed,status,message\n", "lists no trial"),
        ("points.csv", "hash,label\n1,FL\n", "lacks trial, point, .*another version"),
        ("points.csv", "trial,point,label,algorithm,seed,status,message\na,one,FL,fedavg,0,done,\n", "'point'"),
        ("sweep.yaml", "name: [", "YAML"),
        ("sweep.yaml", "- 1\n", "mapping"),
        ("sweep.yaml", None, "missing"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, content: str | None, says: str) -> None:
    path = fabricate_sweep(tmp_path, {UPLINK: RATES}) / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(RunError, match=f"{name}.*{says}"):
        load_sweep(tmp_path)


def test_trials_of_two_versions_do_not_mix(tmp_path: Path) -> None:
    fabricate_sweep(tmp_path, {UPLINK: RATES}, labels=("FL",))
    old = pd.read_csv(tmp_path / "points.csv")
    fabricate_sweep(tmp_path, {UPLINK: RATES}, labels=("SFPrompt",), version="0.2.0")
    pd.concat([old, pd.read_csv(tmp_path / "points.csv")]).to_csv(tmp_path / "points.csv", index=False)
    with pytest.raises(RunError, match=r"several versions of sfsim \(0\.1\.0, 0\.2\.0\)"):
        load_sweep(tmp_path)


def test_the_same_trial_twice_is_refused(tmp_path: Path) -> None:
    path = fabricate_sweep(tmp_path, {UPLINK: RATES}) / "points.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    with pytest.raises(RunError, match="twice"):
        load_sweep(tmp_path)


def test_axes_that_move_together_are_one_dimension(tmp_path: Path) -> None:
    zipped = [{"model.name": ["small", "large"], "model.image_size": ["32", "64"]}]
    sweep = load_sweep(fabricate_sweep(tmp_path, {HEAD: ["0", "1"], BATCH: ["8"]}, zipped=zipped))
    assert [axis.key for axis in sweep.axes] == [HEAD, BATCH, "model.name", "model.image_size"]
    assert [axis.key for axis in sweep.dimensions] == [HEAD, "model.image_size"]
    table = sweep.means([HEAD, "model.name"], "sim_time_s")  # either of the two will do
    assert len(table) == 2 * 2 * 2


def test_part_of_a_sweep_by_number_or_by_what_was_written(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: ["0", "1", "2"]}))
    for wanted in ("20 Mbit/s", 2.5e6):
        part = sweep.at({"rate": wanted, HEAD: 1})
        assert set(part.summary["point"]) == {4}
        assert part.held == ((UPLINK, "20 Mbit/s"), (HEAD, "1"))
        assert part.dimensions == []
    with pytest.raises(RunError, match=r"rate is never 3; it is 1 Mbit/s, 20 Mbit/s"):
        sweep.at({UPLINK: 3})
    with pytest.raises(RunError, match=r"no axis 'depth'; it has: world.*head"):
        sweep.at({"depth": 3})


def test_means_over_seeds_by_hand(tmp_path: Path) -> None:
    sweep = load_sweep(
        fabricate_sweep(
            tmp_path,
            {UPLINK: RATES},
            ("FL",),
            seeds=(0, 1, 2),
            formula=lambda label, place, seed: {"sim_time_s": (1.0, 2.0, 6.0)[seed]},
            failed=lambda _, place, seed: place[UPLINK] == RATES[1] and seed > 0,
        )
    )
    first, second = sweep.means([UPLINK], "sim_time_s").to_dict("records")
    assert (first["mean"], first["low"], first["high"], first["seeds"], first["lacking"]) == (3.0, 1.0, 6.0, 3, 0)
    assert first["std"] == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert (second["mean"], second["seeds"], second["lacking"]) == (1.0, 1, 2)


def test_several_points_at_one_place_are_refused(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: ["0", "1"]}))
    with pytest.raises(RunError, match=r"several points lie at one place of world.*choose one value of .*head"):
        sweep.means([UPLINK], "sim_time_s")
    assert len(sweep.at({HEAD: 0}).means([UPLINK], "sim_time_s")) == 4


def test_a_measure_that_is_not_there_is_refused_with_a_near_one(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}))
    with pytest.raises(RunError, match="no measure 'sim_time'; did you mean 'sim_time_s'"):
        sweep.measure("sim_time")
    with pytest.raises(RunError, match="no measure 'xyz'; there are: bytes, rounds"):
        sweep.measure("xyz")
    assert list(sweep.measure("bytes").values(sweep.summary)) == [1.2e8, 3.15e7] * 2
