"""The verdict of a sweep: who comes first where."""

from __future__ import annotations

import json
from pathlib import Path

from analysis import load_sweep
from analysis.verdict import verdict_of_sweep
from tests.helpers.sweep_folders import UPLINK, Place, costs, fabricate_sweep

RATES = ["1 Mbit/s", "4 Mbit/s", "20 Mbit/s"]


def slower_links_for_fl(label: str, place: Place, seed: int) -> dict[str, float | None]:
    """FL takes 100 s over the link's rate in Mbit/s, and the other one 20 s everywhere."""
    rate = float(place[UPLINK].split()[0])
    return costs(label, place, seed) | {"sim_time_s": 100 / rate if label == "FL" else 20.0}


def test_who_is_first_where(tmp_path: Path) -> None:
    """100 s against 20, 25 against 20, and 5 against 20."""
    folder = fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=slower_links_for_fl, dry=True)
    verdict = verdict_of_sweep(load_sweep(folder))
    assert verdict.answer == (
        "SFPrompt takes the least time at 2 of 3 points (rate from 1 Mbit/s to 4 Mbit/s).",
        "FL takes the least time at 1 of 3 points (rate 20 Mbit/s).",
        "These were dry runs: how much each algorithm learns is not known.",
    )
    assert verdict.first == ()
    assert verdict.decided is None


def test_devices_left_out_are_told_once_for_each_label(tmp_path: Path) -> None:
    """At 20 Mbit/s two devices are too small for FL, and SFPrompt has all of them."""
    folder = fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=slower_links_for_fl, dry=True)
    sweep = load_sweep(folder)
    rows = sweep.summary[(sweep.summary["label"] == "FL") & (sweep.summary[UPLINK + " text"] == RATES[2])]
    for trial in rows["trial"]:
        path = folder / "trials" / trial / "summary.json"
        summary = json.loads(path.read_text())
        summary["trials"][0]["devices_too_small"] = ["phone-0", "phone-1"]
        path.write_text(json.dumps(summary))
    said = [line for line in verdict_of_sweep(load_sweep(folder)).answer if "too small" in line]
    assert said == [
        "Devices too small for FL are never chosen (on_oom: skip), so that its cohorts are its own there: "
        "2 at rate 20 Mbit/s."
    ]


def test_one_winner_everywhere_is_named_once(tmp_path: Path) -> None:
    verdict = verdict_of_sweep(load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "2 Mbit/s"]}, dry=True)))
    assert verdict.answer[0] == "SFPrompt takes the least time at all 2 points."
    assert verdict.first == ("SFPrompt",)


def test_times_within_five_percent_are_level(tmp_path: Path) -> None:
    def nearly(label: str, place: Place, seed: int) -> dict[str, float | None]:
        return costs(label, place, seed) | {"sim_time_s": 100.0 if label == "FL" else 104.0}

    verdict = verdict_of_sweep(load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=nearly, dry=True)))
    assert verdict.answer[0] == "FL and SFPrompt are level in time at all 3 points."


def test_those_who_are_level_are_named_once_whoever_is_a_little_ahead(tmp_path: Path) -> None:
    def nearly(label: str, place: Place, seed: int) -> dict[str, float | None]:
        ahead = (label == "FL") == (place[UPLINK] == "1 Mbit/s")
        return costs(label, place, seed) | {"sim_time_s": 99.0 if ahead else 100.0}

    folder = fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=nearly, dry=True, seeds=(0, 1))
    verdict = verdict_of_sweep(load_sweep(folder))
    assert verdict.answer[0] == "FL and SFPrompt are level in time at all 3 points."
    assert verdict.certainty == ("With 2 seeds a point, all have one of these first at 3 of 3 points.",)


def test_who_holds_the_target_counts_before_who_is_accurate(tmp_path: Path) -> None:
    def trained(label: str, place: Place, seed: int) -> dict[str, float | None]:
        held = {"FL": 50.0, "SFPrompt": 30.0}[label] if place[UPLINK] == "1 Mbit/s" else None
        settled = 0.9 if label == "FL" else 0.8
        return costs(label, place, seed) | {"time_to_target_held_s": held, "settled_accuracy": settled}

    verdict = verdict_of_sweep(load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=trained)))
    assert verdict.answer == (
        "FL is the most accurate at 2 of 3 points (rate from 4 Mbit/s to 20 Mbit/s).",
        "SFPrompt is the first to hold the target at 1 of 3 points (rate 1 Mbit/s).",
    )
    assert not verdict.decided
    assert verdict.certainty == ("Not decided: one seed a point.",)


def test_seeds_that_do_not_agree_leave_it_undecided(tmp_path: Path) -> None:
    def by_seed(label: str, place: Place, seed: int) -> dict[str, float | None]:
        better = (label == "FL") == (seed < 2)
        return costs(label, place, seed) | {"settled_accuracy": 0.9 if better else 0.8}

    folder = fabricate_sweep(tmp_path, {UPLINK: RATES[:1]}, formula=by_seed, seeds=(0, 1, 2))
    verdict = verdict_of_sweep(load_sweep(folder))
    assert verdict.first == ("FL",)
    assert not verdict.decided
    assert verdict.certainty == (
        "With 3 seeds a point, all agree on who is first at 0 of 1 points, and 0 are decided (95 % intervals).",
    )


def test_only_seeds_that_all_have_are_compared(tmp_path: Path) -> None:
    """SFPrompt's first seed failed; in the other one FL is better, though its mean over both is not."""

    def accurate(label: str, place: Place, seed: int) -> dict[str, float | None]:
        settled = {("FL", 0): 0.5, ("FL", 1): 0.95}.get((label, seed), 0.9)
        return costs(label, place, seed) | {"settled_accuracy": settled}

    folder = fabricate_sweep(
        tmp_path,
        {UPLINK: RATES[:1]},
        formula=accurate,
        seeds=(0, 1),
        failed=lambda label, place, seed: (label, seed) == ("SFPrompt", 0),
    )
    assert verdict_of_sweep(load_sweep(folder)).first == ("FL",)


def test_points_that_cannot_be_compared_are_counted(tmp_path: Path) -> None:
    folder = fabricate_sweep(
        tmp_path,
        {UPLINK: ["1 Mbit/s", "2 Mbit/s", "4 Mbit/s"]},
        dry=True,
        failed=lambda label, place, seed: label == "FL" and place[UPLINK] == RATES[0],
    )
    assert verdict_of_sweep(load_sweep(folder)).answer[:2] == (
        "SFPrompt takes the least time at 2 of 3 points (rate from 2 Mbit/s to 4 Mbit/s).",
        "At 1 point no two algorithms have a seed in common.",
    )


def test_one_algorithm_alone_has_no_verdict(tmp_path: Path) -> None:
    folder = fabricate_sweep(tmp_path, {UPLINK: RATES}, ("FL",))
    assert verdict_of_sweep(load_sweep(folder)).answer == ("At no point were two algorithms compared.",)
