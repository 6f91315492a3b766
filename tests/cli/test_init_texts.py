"""`sfsim init` with data of texts: what it finds in tables and files, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
import yaml
from pyarrow import parquet

from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import load
from tests.helpers.commands import Sfsim
from tests.helpers.inits import written


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def texts(folder: str, kind: str = "parquet", **columns: str) -> None:
    """Write tables of 20 rows to train with and 10 to test with; a column of labels has the numbers 0 and 1."""
    Path(folder).mkdir()
    for part, rows in (("train", 20), ("test", 10)):
        table = {
            name: [row % 2 if name == "label" else f"{text} {row}" for row in range(rows)]
            for name, text in columns.items()
        }
        if kind == "parquet":
            parquet.write_table(pyarrow.table(table), Path(folder, f"{part}.parquet"))
        else:
            lines = [",".join(map(str, row)) for row in (tuple(table), *zip(*table.values(), strict=True))]
            Path(folder, f"{part}.{kind}").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_tables_of_texts(kind: str, sfsim: Sfsim) -> None:
    texts("films", kind, title="film", sentence="good", label="")
    status, out, err = sfsim("init", "--data", "films", "--devices", "phone:2")
    assert (status, err) == (0, "")
    said = "2 classes, 20 texts to train with and 10 to test with."
    assert out.splitlines()[0] == ("Parquet files with " if kind == "parquet" else "Tables with ") + said
    written = yaml.safe_load(Path("scenario.yaml").read_text())
    paths = {"train": f"films/train.{kind}", "test": f"films/test.{kind}"}
    keys = {"name": f"text_{kind}", **paths, "text": "sentence", "label": "label"}
    assert written["data"] == keys | {"partition": {"name": "iid"}}
    assert written["model"] == {"name": "minilm", "length": 128}
    assert written["target_accuracy"] == 0.8
    check(load("scenario.yaml"))


def test_pairs_and_answers(sfsim: Sfsim) -> None:
    texts("pairs", idx="x", premise="a", hypothesis="b", label="")
    assert written(sfsim, "--data", "pairs", "--devices", "phone:2").data.source.text == ("premise", "hypothesis")
    Path("scenario.yaml").unlink()
    texts("problems", question="a", answer="b")
    scenario = written(sfsim, "--data", "problems", "--devices", "phone:2")
    assert (scenario.data.source.text, scenario.data.source.task) == (("question", "answer"), "next_token")
    assert (scenario.model.name, scenario.target_accuracy) == ("smollm2-135m", None)


@pytest.mark.parametrize(
    ("options", "names", "rate"),
    [
        ((), ["fedlora", "splitlora", "splitfrozen"], 1e-3),
        (("--algorithms", "fedavg,fedlora"), ["fedavg", "fedlora"], 5e-5),
    ],
)
def test_language_models_are_adapted_unless_it_is_said_otherwise(
    options: tuple[str, ...], names: list[str], rate: float, sfsim: Sfsim
) -> None:
    texts("films", text="good", label="")
    scenario = written(sfsim, "--data", "films", "--devices", "phone:2", *options)
    assert [entry.name for entry in scenario.algorithms] == names
    assert scenario.algorithms[0].training.optimizer.learning_rate == rate


def test_what_fits_no_device_is_left_out_where_it_was_not_asked_for(sfsim: Sfsim) -> None:
    texts("films", text="good", label="")
    options = "--data", "films", "--devices", "raspberry-pi-4:2", "--model", "llama-3.2-1b"
    status, out, err = sfsim("init", *options)
    assert (status, err) == (0, "")
    assert "Left out, as it does not fit into the memory of these devices: fedlora." in out
    assert [entry.name for entry in load("scenario.yaml").algorithms] == ["splitlora", "splitfrozen"]


def test_a_delimiter_that_is_no_comma_is_found(sfsim: Sfsim) -> None:
    texts("films", "csv", text="good", label="")
    for table in Path("films").iterdir():
        table.write_text(table.read_text().replace(",", ";"))
    data = written(sfsim, "--data", "films", "--devices", "phone:2").data.source
    assert (data.delimiter, data.text, data.label) == (";", ("text",), "label")


def test_columns_that_are_not_used_are_told(sfsim: Sfsim) -> None:
    texts("films", "csv", **{"review": "good", "{stars}": "5 of 5"})
    status, out, _ = sfsim("init", "--data", "films", "--devices", "phone:2")
    assert status == 0
    told = "The next token of review is learned; not used: {stars} (to learn classes, name their column: label)."
    assert out.splitlines()[0] == f"Tables with 20 texts to train with and 10 to test with. {told}"


def test_plain_texts(sfsim: Sfsim) -> None:
    Path("books").mkdir()
    for name in ("emma", "persuasion", "test"):
        Path("books", f"{name}.txt").write_text("A clever heroine and a good match.\n" * 40)
    status, out, _ = sfsim("init", "--data", "books", "--devices", "phone:2")
    assert status == 0
    assert out.startswith(
        "Text files of which the next token is learned, with 6 texts to train with and 3 to test with"
    )
    data = yaml.safe_load(Path("scenario.yaml").read_text())["data"]
    assert (data["name"], data["train"]) == ("text_files", ["books/emma.txt", "books/persuasion.txt"])
    check(load("scenario.yaml"))


def test_a_model_of_images_is_none_of_texts(sfsim: Sfsim) -> None:
    texts("films", text="good", label="")
    status, _, err = sfsim("init", "--data", "films", "--devices", "phone:2", "--model", "gpt-2")
    assert status == 2
    assert 'there is no language model "gpt-2"; did you mean "gpt2"? (there are gpt2, ' in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv"])
def test_the_python_that_splits_a_table_splits_it(kind: str, sfsim: Sfsim) -> None:
    texts("films", "parquet" if kind == "parquet" else "csv", text="good", label="")
    table = Path("films", f"rows.{kind}")
    whole = Path("films", f"train.{'parquet' if kind == 'parquet' else 'csv'}").rename(table)
    Path("films", f"test.{'parquet' if kind == 'parquet' else 'csv'}").unlink()
    if kind == "tsv":
        whole.write_text(whole.read_text().replace(",", "\t"))
    err = sfsim("init", "--data", "films", "--devices", "phone:2")[2]
    exec(err.partition("folder split: ")[2])
    status, out, err = sfsim("init", "--data", "split", "--devices", "phone:2")
    assert (status, err) == (0, "")
    assert "16 texts to train with and 4 to test with" in out
