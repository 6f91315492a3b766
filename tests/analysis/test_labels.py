"""The label histogram of a run."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import RunError, label_histogram, load_run, plot_label_histogram, style, write_figures, write_report
from analysis.crowds import MOST_ROWS
from analysis.interactive.labels import labels_chart
from analysis.labels_by_group import data_by_group
from tests.helpers.reports import valid
from tests.helpers.run_folders import fabricate


def told(folder: Path, rows: list[tuple[int, str, int, int]], names: str = "abcdefgh") -> Path:
    """A run that also says (seed, client, class, samples)."""
    fabricate(folder, rounds=1, labels=("FL",))
    frame = pd.DataFrame(rows, columns=["seed", "client", "class", "samples"])
    frame["class_name"] = [names[number % len(names)] for number in frame["class"]]
    frame.assign(device="pi").to_csv(folder / "clients.csv", index=False)
    return folder


ROWS = [(1, "pi-1", 2, 30), (1, "pi-0", 0, 5), (1, "pi-0", 2, 7), (0, "pi-0", 1, 9)]


def test_one_row_a_client_and_one_column_a_class(tmp_path: Path) -> None:
    run = load_run(told(tmp_path, ROWS))
    first = label_histogram(run)
    assert first.to_numpy().tolist() == [[0, 0, 30], [5, 0, 7]]
    assert list(first.index) == ["pi-1", "pi-0"]
    assert label_histogram(run, seed=0).to_numpy().tolist() == [[0, 9, 0]]


def test_a_row_a_client_is_drawn_with_its_total(tmp_path: Path) -> None:
    left, right = plot_label_histogram(load_run(told(tmp_path, ROWS)))
    assert left.images[0].get_array().tolist() == [[0, 0, 30], [5, 0, 7]]  # type: ignore[union-attr]
    assert [bar.get_width() for bar in right.patches] == [30, 12]  # type: ignore[attr-defined]
    assert [label.get_text() for label in left.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["pi-1", "pi-0"]


@pytest.mark.parametrize("classes", [1, 200])
def test_many_clients_are_shown_by_group(tmp_path: Path, classes: int) -> None:
    rows = [(0, f"pi-{number}", number % classes, 10) for number in range(MOST_ROWS + 5)]
    left, _ = plot_label_histogram(load_run(told(tmp_path, rows)))
    assert [label.get_text() for label in left.get_yticklabels()] == ["pi × 65"]
    assert left.images[0].get_array().sum() == pytest.approx(1)  # type: ignore[union-attr]
    assert style.save(style.figure_of(left).figure, tmp_path / "x.png").is_file()


def test_the_data_of_a_group_are_those_of_its_devices(tmp_path: Path) -> None:
    folder = told(tmp_path, [(0, "a-0", 0, 6), (0, "a-0", 1, 2), (0, "b-0", 1, 5), (0, "a-1", 1, 4), (1, "b-0", 2, 9)])
    frame = pd.read_csv(folder / "clients.csv").assign(device=lambda rows: rows["client"].str[0])
    frame.to_csv(folder / "clients.csv", index=False)
    first, second = data_by_group(load_run(folder), None)
    assert (first.name, second.name) == ("a", "b")
    assert first.shares.tolist() == [0.5, 0.5, 0]
    assert second.shares.tolist() == [0, 1, 0]
    assert (first.samples.devices, first.samples.least, first.samples.median, first.samples.most) == (2, 4, 6, 8)
    assert (first.classes.least, first.classes.most, second.classes.median) == (1, 2, 1)
    assert (first.largest.least, first.largest.most) == (0.75, 1)


def test_the_page_shows_groups_of_more_devices_than_it_has_room_for(tmp_path: Path) -> None:
    few = [(0, f"pi-{number}", 0, 10) for number in range(200)]
    shown, grouped = (labels_chart({"run": load_run(told(tmp_path / str(len(rows)), rows))})
                      for rows in (few, [*few, (0, "pi-200", 1, 3)]))  # fmt: skip
    assert shown is not None
    assert grouped is not None
    assert len(shown.figures["0"]["data"][0]["z"]) == 200
    assert set(grouped.figures) == {"0|0", "0|1", "0|2", "0|3"}
    for figure in grouped.figures.values():
        valid(figure)


@pytest.mark.usefixtures("nothing_saved")
def test_it_is_part_of_figures_and_report_where_the_run_tells(tmp_path: Path) -> None:
    plain, full = fabricate(tmp_path / "plain", rounds=1, labels=("FL",)), told(tmp_path / "full", ROWS)
    assert load_run(plain).clients.empty
    assert "label_histogram" not in [path.stem for path in write_figures(plain)]
    assert write_figures(full)[-1].stem == "label_histogram"
    assert "Data of each device" in write_report(full).read_text(encoding="utf-8")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    folder = told(tmp_path, ROWS)
    (folder / "clients.csv").write_text("seed,client\n0,a\n")
    with pytest.raises(RunError, match=r"clients\.csv: lacks device, class"):
        load_run(folder)
