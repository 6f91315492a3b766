"""What an algorithm saves against another is known point by point."""

from pathlib import Path

import pytest

from analysis import RunError, load_sweep, plot_heat_map, saving
from tests.helpers.sweep_folders import HEAD, UPLINK, costs, fabricate_sweep

AXES = {UPLINK: ["1 Mbit/s", "10 Mbit/s"], HEAD: ["1", "2", "3"]}


def test_is_one_less_the_ratio_at_each_point_and_seed(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path / "sweep", AXES, seeds=(0, 1)))
    found = saving(sweep, "SFPrompt", "FL")
    assert found.labels == ["SFPrompt"]
    assert len(found.summary) == 2 * 3 * 2
    for row in found.summary.to_dict("records"):
        place, seed = {UPLINK: row[f"{UPLINK} text"], HEAD: row[f"{HEAD} text"]}, int(row["seed"])
        mine, theirs = (costs(label, place, seed)["sim_time_s"] for label in ("SFPrompt", "FL"))
        assert row["saved"] == pytest.approx(1 - mine / theirs)  # type: ignore[operator]


def test_is_drawn_as_any_measure(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path / "sweep", AXES))
    ax = plot_heat_map(saving(sweep, "SFPrompt", "FL", "bytes"), UPLINK, HEAD, "saved")
    assert any("%" in text.get_text() or "." in text.get_text() for text in ax.texts)


def test_an_unknown_label_is_one_message(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path / "sweep", AXES))
    with pytest.raises(RunError, match="no label 'FedAvg'; there are: FL, SFPrompt"):
        saving(sweep, "SFPrompt", "FedAvg")
