"""One colour for each algorithm, whatever else a run, a comparison or a trial has."""

from __future__ import annotations

import json
from pathlib import Path

from analysis import load_run, load_sweep, style
from analysis.interactive.curves import accuracy_figure
from analysis.interactive.figure import Look
from analysis.places import places_of
from analysis.report_comparison import compare
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import UPLINK, fabricate_sweep

LABELS = ("FL", "SFL", "SFPrompt")


def without(folder: Path, *labels: str) -> Path:
    """Take labels out of what a run has computed; its scenario still has them."""
    path = folder / "summary.json"
    head = json.loads(path.read_text())
    head["trials"] = [trial for trial in head["trials"] if trial["label"] not in labels]
    path.write_text(json.dumps(head))
    return folder


def test_a_label_keeps_its_colour_where_others_have_no_result(tmp_path: Path) -> None:
    whole, part = (load_run(fabricate(tmp_path / name, LABELS)) for name in ("whole", "part"))
    part = load_run(without(part.folder, "FL"))
    assert part.labels == ["SFL", "SFPrompt"]
    for label in part.labels:
        assert Look.of(part.places[label]) == Look.of(whole.places[label])


def test_a_comparison_has_the_colours_of_its_first_run_and_tells_copies_apart(tmp_path: Path) -> None:
    one, two = fabricate(tmp_path / "1", LABELS, name="one"), fabricate(tmp_path / "2", ("SFPrompt", "New"), name="two")
    joined, alone = compare([one, two]).joined, load_run(one)
    looks = {label: Look.of(joined.places[label]) for label in joined.labels}
    assert looks["FL"] == Look.of(alone.places["FL"])
    assert looks["SFPrompt (one)"] == Look.of(alone.places["SFPrompt"])
    assert looks["SFPrompt (two)"].colour == looks["SFPrompt (one)"].colour
    assert looks["SFPrompt (two)"].dash != looks["SFPrompt (one)"].dash
    assert looks["SFPrompt (two)"].symbol != looks["SFPrompt (one)"].symbol
    assert len({look.colour for look in looks.values()}) == 4, "FL, SFL, SFPrompt and New"
    drawn = {trace["name"]: trace["line"]["color"] for trace in accuracy_figure(joined, "time")["data"]}
    assert drawn == {label: look.colour for label, look in looks.items()}


def test_a_trial_has_the_colour_that_it_has_in_its_sweep(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "2 Mbit/s"]}, ("FL", "SFPrompt"), whole=True))
    rows = sweep.summary.drop_duplicates("label").set_index("label")
    run = sweep.run(rows.loc["SFPrompt", "trial"])
    assert run.labels == ["SFPrompt"]
    assert run.places["SFPrompt"] == sweep.places["SFPrompt"] == 1


def test_copies_of_many_labels_are_all_different() -> None:
    labels = [f"label {number}" for number in range(9)]
    copies = [(f"{label}, {copy}", label, copy) for label in labels for copy in (1, 2)]
    places = places_of(labels, copies)
    assert len(set(places.values())) == 27
    for name, label, _ in copies:
        assert style.line_colour(places[name]) == style.line_colour(places[label])
