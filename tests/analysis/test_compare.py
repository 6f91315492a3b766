"""Runs side by side: which labels stay apart, what is left out in words, and by what the runs differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analysis import RunError, load_run, write_comparison
from analysis.measures import measure_columns
from analysis.report_comparison import Difference, compare
from tests.helpers.reports import MOST_BYTES, Page, valid
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import fabricate_sweep


def change(folder: Path, **keys: object) -> None:
    """Change keys of a run's scenario."""
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def head(folder: Path, **keys: object) -> None:
    """Change keys of a run's summary, and of each of its trials those that are in them."""
    path = folder / "summary.json"
    said = json.loads(path.read_text())
    said |= {key: value for key, value in keys.items() if key in said}
    for trial in said["trials"]:
        trial |= {key: value for key, value in keys.items() if key in trial}
    path.write_text(json.dumps(said))


def two(folder: Path, **second: object) -> tuple[Path, Path]:
    """Two runs, named one and two."""
    return fabricate(folder / "1", name="one"), fabricate(folder / "2", name="two", **second)  # type: ignore[arg-type]


def test_labels_get_their_runs_name_only_where_they_collide(tmp_path: Path) -> None:
    found = compare(two(tmp_path, labels=("FL", "Other")))
    assert found.joined.labels == ["FL (one)", "SFPrompt", "FL (two)", "Other"]


def test_runs_of_one_name_go_by_their_folders(tmp_path: Path) -> None:
    folders = [fabricate(tmp_path / name, name="same") for name in ("a", "b")]
    assert list(compare(folders).runs) == ["a", "b"]


def test_each_row_is_what_its_own_run_says(tmp_path: Path) -> None:
    folders = two(tmp_path, rounds=5, devices=4)
    (cells,) = (own.cells for own in measure_columns(compare(folders).joined) if own.name == "Simulated time")
    own = [time for folder in folders for time in load_run(folder).summary["sim_time_s"]]
    assert [cell.value for cell in cells] == pytest.approx(own)


def test_keys_that_differ_are_listed_and_no_others(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    scenario = yaml.safe_load((second / "scenario.yaml").read_text())
    scenario["world"]["server"]["slots"] = 2
    scenario["algorithms"][1]["keep_fraction"] = 0.8
    (second / "scenario.yaml").write_text(yaml.safe_dump(scenario))
    assert compare([first, second]).differences == (
        Difference("world.server.slots", ("1", "2")),
        Difference("algorithms.SFPrompt.keep_fraction", ("–", "0.8")),
    )


def test_an_algorithm_that_one_run_lacks_is_one_difference(tmp_path: Path) -> None:
    found = compare(two(tmp_path, labels=("FL",)))
    assert [row for row in found.differences if "SFPrompt" in row.key] == [
        Difference("algorithms.SFPrompt", ("there", "–"))
    ]


def test_targets_that_differ_leave_out_the_time_to_them(tmp_path: Path) -> None:
    found = compare(two(tmp_path, target=0.5))
    assert found.notes == ("The time to the target is left out, as the targets differ: one 80 %, two 50 %.",)
    assert "Time to target" not in [column.name for column in measure_columns(found.joined)]


def test_versions_that_differ_are_told(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    head(second, version="0.2.0")
    (note,) = compare([first, second]).notes
    assert note.endswith("one is of sfsim 0.1.0, two is of sfsim 0.2.0.")


def test_a_dry_run_beside_a_real_one_has_no_accuracy(tmp_path: Path) -> None:
    found = compare(two(tmp_path, dry=True))
    assert "Without accuracy, as dry runs have none: two." in found.notes
    cells = next(column.cells for column in measure_columns(found.joined) if column.name == "Final accuracy")
    assert [cell.value is None for cell in cells] == [False, False, True, True]


def test_runs_without_a_common_measure_are_refused(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    measures = ("final_accuracy", "best_accuracy", "time_to_target_s")
    trial = json.loads((second / "summary.json").read_text())["trials"][0]
    figures = [key for key in trial if key not in ("algorithm", "label", "seed", "rounds", "wall_time_s")]
    head(first, **dict.fromkeys(key for key in figures if key not in measures))
    head(second, **dict.fromkeys(measures))
    with pytest.raises(RunError, match="one and two cannot be compared: there is no measure of which all"):
        compare([first, second])


def test_the_page_holds_all_runs_and_asks_for_nothing(tmp_path: Path) -> None:
    first, second = two(tmp_path, rounds=5)
    third = fabricate(tmp_path / "3", name="<three>", labels=("Third",))
    page = Page.of(write_comparison([first, second, third], tmp_path / "all.html"))
    assert page.requested == []
    assert len(page.html.encode()) < MOST_BYTES
    for words in ("Which", "SFPrompt (two)", "training.rounds", "The scenario as run: <three>", "sfsim compare "):
        assert words in page.text
    assert set(page.charts) == {"accuracy", "pareto", "targets", "where", "timeline", "queue"}
    assert len(page.charts["timeline"]["figures"]) == 5
    for chart in page.charts.values():
        for figure in chart["figures"].values():
            valid(figure)


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    sweep = fabricate_sweep(tmp_path / "sweep", {"training.batch_size": ["8", "16"]})
    for folders, out, message in (
        ([first], "c.html", "at least two run folders"),
        ([first, first], "c.html", "named twice"),
        ([first, sweep], "c.html", "only runs are compared"),
        ([first, tmp_path / "nothing"], "c.html", "there is no such folder"),
        ([first, second], "c.txt", "ends in .html"),
    ):
        with pytest.raises(RunError, match=message):
            write_comparison(folders, tmp_path / out)
    assert not list(tmp_path.glob("c.*"))


def test_plug_ins_that_differ_are_one_row_with_their_files_and_hashes(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    file = second / "environment.json"
    plugin = {"file": "plugins/mine.py", "sha256": "ab" * 32, "names": {"algorithms": ["mine"]}}
    helped = {**plugin, "file": "plugins/other.py", "imports": {"helper.py": "cd" * 32}}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"plugins": [plugin, helped]}))
    assert [row for row in compare([first, second]).differences if "plugins" in row.key] == [
        Difference("plugins", ("–", "mine.py (abababab), other.py (abababab) with helper.py (cdcdcdcd)"))
    ]
