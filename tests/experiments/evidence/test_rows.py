"""Files of measured rows: what is in a row, and one clear message for each that is wrong."""

from pathlib import Path

import pytest

from simulator.experiments.evidence.rows import COLUMNS, Row, read_rows
from simulator.settings.errors import ScenarioError

HEADINGS = "device,model,task,train,batch_size,image_size_or_length,precision,seconds,images_per_s,source"
GOOD = "raspberry-pi-4,vit_tiny,training,full,16,224,fp32,6.1,,a paper"


def written(folder: Path, *lines: str, headings: str = HEADINGS) -> Path:
    file = folder / "rows.csv"
    file.write_text("\n".join((headings, *lines)) + "\n")
    return file


def test_what_is_in_a_row(tmp_path: Path) -> None:
    by_rate = "raspberry-pi-4,resnet18,inference,,16,224,,,4,a paper"
    first, second = read_rows(written(tmp_path, GOOD, by_rate))
    assert (first.measured, first.train, first.precision, first.fitted) == (6.1, "full", "fp32", False)
    assert (second.measured, second.train, second.task) == (16 / 4, None, "inference")


def test_a_row_that_figures_were_fitted_to(tmp_path: Path) -> None:
    (row,) = read_rows(written(tmp_path, f"{GOOD},math,fitted", headings=f"{HEADINGS},attention,used"))
    assert (row.fitted, row.attention) == (True, "math")


def test_the_rows_of_the_package_say_where_they_come_from() -> None:
    rows = read_rows()
    assert len(rows) > 50
    assert all(row.source for row in rows)
    assert set(COLUMNS) == set(Row.model_fields)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a paper", "", "it has no source: say who measured it, and where it is published"),
        ("raspberry-pi-4", "raspbery-pi-4", 'the catalogue has no device "raspbery-pi-4"; did you mean "raspberry-pi'),
        ("raspberry-pi-4", "abacus", "A file of your own adds one: --catalogue FILE"),
        ("6.1,", "6.1,3", "give the seconds of the batch, or images_per_s: one of them"),
        ("6.1,", ",", "give the seconds of the batch, or images_per_s: one of them"),
        ("6.1,", "-6.1,", 'seconds is "-6.1": Input should be greater than 0'),
        ("6.1,", "soon,", 'seconds is "soon": Input should be a valid number'),
        (",16,", ",0,", 'batch_size is "0": Input should be greater than 0'),
        ("full", "ful", 'train is "ful"; did you mean "full"?'),
        ("full", "", 'train is ""'),
        ("fp32", "fp8", 'precision is "fp8"'),
    ],
)
def test_a_wrong_row_is_one_message_with_its_file_and_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = written(tmp_path, GOOD, GOOD.replace(old, new, 1))
    with pytest.raises(ScenarioError) as found:
        read_rows(file)
    assert str(found.value).startswith(f"{file}, line 3: ")
    assert said in str(found.value)
    assert "\n" not in str(found.value)


def test_every_wrong_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as found:
        read_rows(written(tmp_path, GOOD.replace("a paper", ""), GOOD, GOOD.replace("16", "x", 1)))
    assert [line.split(": ")[0].split(", ")[1] for line in str(found.value).splitlines()] == ["line 2", "line 4"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.csv cannot be read as a CSV file: No such file or directory$"):
        read_rows(tmp_path / "none.csv")


def test_a_column_that_is_missing(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD, headings=HEADINGS.replace(",source", ",origin"))
    with pytest.raises(ScenarioError, match=r"rows\.csv has no column source; a file of measured rows has the columns"):
        read_rows(file)


def test_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"rows\.csv has no rows; a file of measured rows has the columns device, "):
        read_rows(written(tmp_path))


@pytest.mark.parametrize(("written", "meant"), [("head_only", "linear"), ("all", "full"), ("Classifier", "linear")])
def test_what_other_tables_call_it(written: str, meant: str) -> None:
    row = Row.model_validate(
        {
            "device": "raspberry-pi-4",
            "model": "resnet18",
            "train": written,
            "batch_size": 16,
            "image_size_or_length": 224,
            "precision": "float32",
            "seconds": 1.0,
            "source": "a table",
        }
    )
    assert (row.train, row.precision) == (meant, "fp32")
