"""Texts as a scenario sees them: a dry run reads labels alone, and what is wrong is one message with its line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.experiments.trial import trial
from simulator.learning.data.datasets.text_parquet import ParquetTable
from simulator.scenario.scenario import load
from tests.helpers.commands import Sfsim
from tests.helpers.tokenizers import bert_tokenizer, gpt_tokenizer, write_table

pytest.importorskip("tokenizers", reason="the extra text is not installed")

SHAPE = {"width": 32, "blocks": 3, "heads": 2, "mlp": 32, "positions": 32, "vocabulary": 300}
BASE: dict[str, Any] = {
    "name": "tiny",
    "world": {"devices": [{"name": "raspberry-pi-4", "count": 2}], "server": {"name": "rtx-4090"}},
    "model": {"name": "gpt2", "length": 8, "pretrained": False, "tokenizer": "tokenizer.json", "keywords": SHAPE},
    "training": {
        "rounds": 1,
        "clients_per_round": 2,
        "batch_size": 4,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    },
    "algorithms": [{"name": "fedavg"}],
}
FILMS = {"text": ["good film", "bad film", " was", "not good"], "label": [1, 0, 1, 0]}
GOOD = {"name": "text_parquet", "train": "good.parquet", "test": "good.parquet"}


def scenario(folder: Path, data: dict[str, Any], **model: Any) -> Path:
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({"data": data} | BASE | {"model": BASE["model"] | model}, sort_keys=False))
    return file


def test_a_dry_run_reads_no_text_and_needs_no_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "good.parquet", FILMS)
    monkeypatch.setattr(ParquetTable, "rows", None)
    read = load(scenario(tmp_path, GOOD))
    assert trial.run(read, read.algorithms[0], 0, dry=True).rounds


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD | {"text": "txt"}, 'line 5: data.text is "txt": FOLDER/good.parquet has no such column; did you mean'),
        (GOOD | {"train": "none.parquet"}, "line 3: data.train: there is no file FOLDER/none.parquet"),
        (GOOD | {"train": "one.parquet"}, 'data.name: 1 of 2 classes are tested, but no training text is of them: "1"'),
        (GOOD | {"task": "multiple_choice"}, "data.choices: multiple_choice needs the column of choices"),
        (GOOD | {"task": "translation"}, 'data.task is "translation": it is not one of those allowed'),
        ({"name": "text_csv", "train": "latin.csv", "test": "latin.csv"}, "line 3: data.train: FOLDER/latin.csv is"),
        ({"name": "gsm8k", "root": "hub"}, "line 3: data.root: gsm8k is not in FOLDER/hub, or is incomplete (a"),
        ({"name": "digits"}, 'model.name is "gpt2": gpt2 takes texts, and digits has images'),
        (GOOD | {"partition": {"name": "classes_per_client", "classes": 3}}, "data have 2 classes, and no client can"),
    ],
)  # fmt: skip
def test_bad_data_is_one_message(data: dict[str, Any], said: str, sfsim: Sfsim, tmp_path: Path) -> None:
    write_table(tmp_path / "good.parquet", FILMS)
    write_table(tmp_path / "one.parquet", FILMS | {"label": [0] * 4})
    (tmp_path / "latin.csv").write_bytes("text,label\ncaf\xe9,1\n".encode("latin-1"))
    status, _, error = sfsim("validate", scenario(tmp_path, data))
    assert status == 2
    assert said in error.replace(str(tmp_path), "FOLDER")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        (GOOD | {"train": "empty.parquet"}, {}, 'data.train: FOLDER/empty.parquet, row 2 (from 0), has no text in'),
        (GOOD, {"tokenizer": "none.json"}, "model.tokenizer: there is no file FOLDER/none.json"),
        (GOOD, {"keywords": SHAPE | {"vocabulary": 100}}, "model.tokenizer: FOLDER/tokenizer.json has 2"),
        (GOOD, {"tokenizer": "bert", "length": 4}, "model.length is 4: the tokenizer's special tokens leave no room"),
        ({"name": "synthetic_text", "vocabulary": 400}, {}, "data.vocabulary is 400: the model has 300 token ids"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_read_texts_is_one_message(
    data: dict[str, Any], model: dict[str, Any], said: str, sfsim: Sfsim, tmp_path: Path
) -> None:
    write_table(tmp_path / "good.parquet", FILMS)
    write_table(tmp_path / "empty.parquet", FILMS | {"text": ["good", "bad", None, "film"]})
    gpt_tokenizer(tmp_path)
    (tmp_path / "bert").mkdir()
    bert_tokenizer(tmp_path / "bert")
    status, _, error = sfsim("run", scenario(tmp_path, data, **model), "--out", tmp_path / "out")
    assert status == 2
    assert said in error.replace(str(tmp_path), "FOLDER")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
