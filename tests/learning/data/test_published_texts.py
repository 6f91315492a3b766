"""Published texts: read from the cache of the library datasets, without a network, or one message."""

import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.learning.data.datasets.ag_news import AgNews
from simulator.learning.data.datasets.gsm8k import Gsm8k
from simulator.learning.data.datasets.mnli import Mnli
from simulator.learning.data.datasets.mrpc import Mrpc
from simulator.learning.data.datasets.published_texts import PublishedTexts
from simulator.learning.data.datasets.sst2 import Sst2
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.tokenizers import bert_tokenizer, gpt_tokenizer

datasets: Any = pytest.importorskip("datasets", reason="the extra text is not installed")

KINDS = {Sst2: ["no", "yes"], Mrpc: ["other", "same"], Mnli: list("abc"), AgNews: list("abcd"), Gsm8k: []}


def cached(root: Path, kind: type[PublishedTexts], counts: tuple[int, int] = (8, 4)) -> None:
    """Put made-up texts where the library keeps those that it has downloaded."""
    classes, name = KINDS[kind], kind.repository.rpartition("/")[2]
    features = {column: datasets.Value("string") for column in kind.columns}
    if classes:
        features["label"] = datasets.ClassLabel(names=classes)
    folder = root / kind.repository.replace("/", "___") / kind.configuration / "0.0.0" / "made-up"
    folder.mkdir(parents=True)
    splits = {}
    for split, count in zip(kind.splits.values(), counts, strict=True):
        with datasets.arrow_writer.ArrowWriter(
            path=str(folder / f"{name}-{split}.arrow"), features=datasets.Features(features)
        ) as writer:
            for row in range(count):
                label = {"label": row % len(classes)} if classes else {}
                writer.write(dict.fromkeys(kind.columns, f"{' good' * (row + 1)} film") | label)
            examples, size = writer.finalize()
        splits[split] = {"name": split, "num_bytes": size, "num_examples": examples, "dataset_name": name}
    about = {"builder_name": "parquet", "dataset_name": name, "config_name": kind.configuration, "version": "0.0.0"}
    datasets.DatasetInfo(features=datasets.Features(features), splits=splits, **about).write_to_directory(str(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_read_from_the_cache(kind: type[PublishedTexts], tmp_path: Path) -> None:
    cached(tmp_path, kind)
    raw = kind(root=str(tmp_path), limit=6).load().check()
    assert (raw.kind, raw.task, len(raw.train), len(raw.test)) == ("texts", kind.learned, 6, 4)
    assert raw.names == (tuple(KINDS[kind]) or ("text",))
    rows = kind(limit=6).chosen("train", 8)
    assert raw.train.labels.tolist() == [row % len(KINDS[kind]) if KINDS[kind] else 0 for row in rows]
    assert raw.train.file_bytes().tolist() == [len(kind.columns) * len(" good" * (row + 1) + " film") for row in rows]
    tokenizer = Tokenizer.load(bert_tokenizer(tmp_path) if KINDS[kind] else gpt_tokenizer(tmp_path))
    encoded = raw.train.encoded(tokenizer, 40)
    good = tokenizer.encode([(" good",)], 8)[0][0][-2 if KINDS[kind] else 0]
    assert (encoded.ids == good).sum(1).tolist() == [len(kind.columns) * (row + 1) for row in rows]
    assert (encoded.targets is None) == bool(KINDS[kind])


def test_an_empty_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(tmp_path, Gsm8k)
    monkeypatch.setattr(Gsm8k, "columns", ("question", "answer"))
    raw = Gsm8k(root=str(tmp_path)).load()
    original = datasets.Dataset.__getitem__
    monkeypatch.setattr(
        datasets.Dataset, "__getitem__", lambda self, rows: original(self, rows) | {"answer": [""] * len(rows)}
    )
    with pytest.raises(UnfitError) as error:
        raw.train.encoded(Tokenizer.load(gpt_tokenizer(tmp_path)), 8)
    assert refused(error) == "root: gsm8k, train text 0 is empty (None)"


def test_what_is_not_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UnfitError) as error:
        Sst2(root=str(tmp_path)).load()
    wanted = f"root: sst2 is not in {tmp_path}, or is incomplete (the folder that has it, or download: true)"
    assert refused(error) == wanted


def test_a_hub_that_cannot_be_reached_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def load_dataset(*_: Any, **__: Any) -> None:
        asked.append(not datasets.config.HF_HUB_OFFLINE)
        raise ConnectionError("Couldn't reach the hub\nand a long explanation")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    before = (datasets.config.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled(), datasets.logging.get_verbosity())
    with pytest.raises(UnfitError) as error:
        Sst2(root=str(tmp_path), download=True).load()
    problem = f"sst2 could not be downloaded to {tmp_path} (ConnectionError: Couldn't reach the hub)"
    assert refused(error) == f"download: {problem} (a network, or a root that has it already)"
    assert asked == [False, not before[0]]
    after = (datasets.config.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled(), datasets.logging.get_verbosity())
    assert after == before


def test_a_library_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UnfitError) as error:
        Gsm8k(root=str(tmp_path)).load()
    problem = "the library datasets is not installed: pip install 'sfsim[text]'"
    assert refused(error) == f"name: {problem} (text_parquet, with files of your own)"
