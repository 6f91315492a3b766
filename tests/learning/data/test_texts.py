"""Tables of texts: labels without texts, and what becomes token ids."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.learning.data.datasets import encoding
from simulator.learning.data.datasets.text_parquet import ParquetTable, TextParquet
from simulator.learning.data.datasets.texts import IGNORED, PADDING
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.text_tables import FILMS, QUESTIONS, both
from tests.helpers.tokenizers import bert_tokenizer, gpt_tokenizer, write_table

pytest.importorskip("tokenizers", reason="the extra text is not installed")


@pytest.fixture
def bert(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(bert_tokenizer(tmp_path))


@pytest.fixture
def gpt(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(gpt_tokenizer(tmp_path))


def rows_of(ids: np.ndarray) -> list[list[int]]:
    """Return the ids of each row without the padding, which must be on the right."""
    lengths = (ids != PADDING).sum(1)
    assert all((row[length:] == PADDING).all() for row, length in zip(ids, lengths, strict=True))
    return [row[:length].tolist() for row, length in zip(ids, lengths, strict=True)]


def predicted(targets: np.ndarray) -> list[list[int]]:
    """Return what is predicted in each row."""
    return [row[row != IGNORED].tolist() for row in targets]


# Labels


def test_labels_come_without_reading_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParquetTable, "rows", None)
    raw = both(tmp_path, names=["bad", "good"]).check()
    assert (raw.kind, raw.task, raw.names) == ("texts", "classification", ("bad", "good"))
    assert (raw.train.labels.tolist(), raw.train.labels.dtype) == ([1, 0, 1, 0], np.int64)


@pytest.mark.parametrize(
    ("labels", "wanted", "names"),
    [
        (["pos", "neg", "neg", "pos"], [1, 0, 0, 1], ("neg", "pos")),
        ([True, False, False, True], [1, 0, 0, 1], ("false", "true")),
        ([0, 1, 2, 1], [0, 1, 2, 1], ("0", "1", "2")),
    ],
)
def test_labels_are_numbered_in_sorted_order(tmp_path: Path, labels: Any, wanted: Any, names: Any) -> None:
    raw = both(tmp_path, FILMS | {"label": labels})
    assert (raw.train.labels.tolist(), raw.names) == (wanted, names)


def test_the_next_token_needs_no_labels_and_may_have_some_to_partition_by(tmp_path: Path) -> None:
    raw = both(tmp_path, {"text": FILMS["text"]}, task="next_token").check()
    assert (raw.names, raw.train.labels.tolist(), len(raw.test)) == (("text",), [0] * 4, 4)
    assert both(tmp_path, task="next_token").train.labels.tolist() == FILMS["label"]
    topics = both(tmp_path, {"text": FILMS["text"], "topic": list("baab")}, task="next_token", label="topic")
    assert topics.names == ("a", "b")
    shards = Dirichlet(alpha=1.0, min_samples=1).split(topics.train.labels, 2, np.random.default_rng(0))
    assert sorted(np.concatenate(shards).tolist()) == [0, 1, 2, 3]


def test_a_class_that_is_only_tested_matters_where_classes_are_predicted(tmp_path: Path) -> None:
    train = write_table(tmp_path / "a", FILMS | {"label": list("aabb")})
    test = write_table(tmp_path / "b", FILMS | {"label": list("aabc")})
    with pytest.raises(UnfitError, match=r'1 of 3 classes are tested, but no training text is of them: "c"; train'):
        TextParquet(train=(train,), test=(test,)).load().check()
    TextParquet(train=(train,), test=(test,), task="next_token").load().check()


def test_no_texts(tmp_path: Path) -> None:
    none = {"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}
    with pytest.raises(UnfitError, match="there are no texts to train with"):
        both(tmp_path, none).check()


# Token ids


def test_texts_are_classified(tmp_path: Path, bert: Tokenizer) -> None:
    encoded = both(tmp_path).train.encoded(bert, 4)
    assert (encoded.ids.shape, encoded.ids.dtype, encoded.targets) == ((4, 4), np.int32, None)
    assert rows_of(encoded.ids) == [[2, 4, 6, 3], [2, 5, 6, 3], [2, 13, 4, 3], [2, 12, 4, 3]]
    assert encoded.truncated == 1


def test_pairs_are_classified(tmp_path: Path, bert: Tokenizer) -> None:
    raw = both(tmp_path, FILMS | {"other": ["bad"] * 4}, text=("text", "other"))
    assert rows_of(raw.train.encoded(bert, 8).ids)[1] == [2, 5, 6, 3, 5, 3]


def test_the_next_token_is_predicted_of_a_whole_text(tmp_path: Path, gpt: Tokenizer) -> None:
    encoded = both(tmp_path, task="next_token").train.encoded(gpt, 30)
    assert encoded.targets is not None
    assert encoded.targets.dtype == np.int32
    for ids, targets, text in zip(encoded.ids, encoded.targets, FILMS["text"], strict=True):
        (tokens,), _ = gpt.encode([(str(text),)], 30)
        assert ids[: len(tokens) + 1].tolist() == [*tokens, gpt.end]
        assert targets[: len(tokens)].tolist() == ids[1 : len(tokens) + 1].tolist()
        assert (targets[len(tokens) :] == IGNORED).all()


def test_only_the_last_column_is_predicted(tmp_path: Path, gpt: Tokenizer) -> None:
    columns = {"question": [" is it"] * 2, "hint": [" not"] * 2, "answer": [" very bad", " good"]}
    raw = both(tmp_path, columns, text=("question", "hint", "answer"), task="next_token")
    encoded = raw.train.encoded(gpt, 30)
    assert encoded.targets is not None
    whole, ends = gpt.encode([(" is it\n not\n very bad",), (" is it\n not\n good",)], 30)[0], [gpt.end]
    assert rows_of(encoded.ids) == [row + ends for row in whole]
    assert predicted(encoded.targets) == [whole[0][-2:] + ends, whole[1][-1:] + ends]
    for ids, targets in zip(encoded.ids, encoded.targets, strict=True):  # each stands before what it predicts
        places = np.flatnonzero(targets != IGNORED)
        assert (targets[places] == ids[places + 1]).all()


@pytest.mark.parametrize("columns", [QUESTIONS, QUESTIONS | {"label": list("BAC")}, QUESTIONS | {"label": list("102")}])
def test_the_right_choice_is_learned_and_every_choice_is_tested(tmp_path: Path, gpt: Tokenizer, columns: Any) -> None:
    raw = both(tmp_path, columns, choices="choices").check()
    assert (raw.task, raw.train.labels.tolist()) == ("multiple_choice", [1, 0, 2])
    learned, tested = raw.train.encoded(gpt, 30), raw.test.encoded(gpt, 30)
    assert learned.targets is not None
    assert tested.targets is not None
    assert learned.question is None
    assert tested.question is not None
    assert tested.question.tolist() == [0, 0, 1, 1, 2, 2, 2]
    of_question = [(question, choice) for question, choices in enumerate(QUESTIONS["choices"]) for choice in choices]
    joined = [f"{QUESTIONS['text'][question]} {choice}" for question, choice in of_question]
    whole = gpt.encode([(text,) for text in joined], 30)[0]
    assert rows_of(tested.ids) == whole
    right = [1, 2, 6]
    assert rows_of(learned.ids) == [whole[row] for row in right]
    assert predicted(learned.targets) == [predicted(tested.targets)[row] for row in right]
    assert predicted(tested.targets)[0] == whole[0][-1:]


def test_choices_may_be_columns(tmp_path: Path, gpt: Tokenizer) -> None:
    columns = {"text": ["it"] * 2, "a": ["is", "was"], "b": ["not", "bad"], "label": [1, 1]}
    test = both(tmp_path, columns, choices=("a", "b")).test
    assert (len(test.encoded(gpt, 30).ids), test.labels.tolist()) == (4, [1, 1])


def test_texts_are_those_of_the_labels_in_a_limited_set(tmp_path: Path, bert: Tokenizer) -> None:
    words = ["good", "bad", "film", "a", "the", "was", "is", "it", "not", "very"]
    raw = both(tmp_path, {"text": words, "label": list(range(10))}, limit=4, test_limit=7)
    for samples, count in ((raw.train, 4), (raw.test, 7)):
        assert len(samples) == count
        assert samples.encoded(bert, 8).ids[:, 1].tolist() == (4 + samples.labels).tolist()
        assert samples.file_bytes().tolist() == [len(words[label]) for label in samples.labels]


def test_texts_are_tokenised_some_at_a_time_and_once(
    tmp_path: Path, bert: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = both(tmp_path).train.encoded(bert, 6)
    monkeypatch.setattr(encoding, "CHUNK", 3)
    train = both(tmp_path).train
    parts = train.encoded(bert, 6)
    assert parts.ids.tolist() == whole.ids.tolist()
    assert train.encoded(bert, 6) is parts
    for settings in ({"task": "next_token"}, {"choices": "choices"}):
        columns = QUESTIONS if "choices" in settings else FILMS
        small = both(tmp_path, columns, **settings).test.encoded(bert, 8)
        monkeypatch.setattr(encoding, "CHUNK", 1000)
        large = both(tmp_path, columns, **settings).test.encoded(bert, 8)
        monkeypatch.setattr(encoding, "CHUNK", 3)
        assert [np.asarray(of).tolist() for of in small] == [np.asarray(of).tolist() for of in large]


# Bytes


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_texts_of_every_kind_count_in_bytes_of_utf8(tmp_path: Path, bert: Tokenizer, kind: pa.DataType) -> None:
    if pa.types.is_string_view(kind):
        text = pa.array(["good", "é 漢"], kind)
    else:
        text = pa.array(["good", "é 漢"]).cast(pa.string())
        text = text.dictionary_encode() if pa.types.is_dictionary(kind) else text.cast(kind)
    try:
        raw = both(tmp_path, {"text": text, "b": ["é", "x"], "label": [0, 1]}, text=("text", "b"))
    except pa.ArrowNotImplementedError:
        pytest.skip(f"PyArrow {pa.__version__} reads files of this kind, but cannot write them")
    assert raw.train.file_bytes().tolist() == [4 + 2, 6 + 1]
    assert raw.train.file_bytes().dtype == np.int64
    assert rows_of(raw.train.encoded(bert, 8).ids)[0][:2] == [2, 4]


def test_choices_count_too(tmp_path: Path) -> None:
    sizes = both(tmp_path, QUESTIONS, choices="choices").train.file_bytes().tolist()
    texts, choices = QUESTIONS["text"], QUESTIONS["choices"]
    assert sizes == [len(text) + sum(map(len, of)) for text, of in zip(texts, choices, strict=True)]


# Bad input


def test_several_files_are_one_behind_the_other(tmp_path: Path, bert: Tokenizer) -> None:
    for number, words in enumerate((["good", "bad"], ["film"], ["a", "the", "was"])):
        write_table(tmp_path / f"train-{number}.parquet", {"text": words, "label": [number] * len(words)})
    raw = TextParquet(train=f"{tmp_path}/train-*.parquet", test=f"{tmp_path}/train-*.parquet").load()  # type: ignore[arg-type]
    assert raw.train.labels.tolist() == [0, 0, 1, 2, 2, 2]
    assert raw.train.encoded(bert, 3).ids[:, 1].tolist() == [4, 5, 6, 7, 8, 9]


SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.parametrize(
    ("folder", "columns", "counts"),
    [("sst2", "sentence", (6920, 1821)), ("mrpc", ("sentence1", "sentence2"), (4045, 1713))],
)
def test_published_tables_are_read(folder: str, columns: Any, counts: Any) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip("the data are not part of the project")
    train, test = (str(SHARED / folder / f"{part}.parquet") for part in ("train", "test"))
    raw = TextParquet(train=(train,), test=(test,), text=columns).load().check()
    assert (len(raw.train), len(raw.test), raw.classes) == (*counts, 2)
    table = pq.read_table(train).to_pandas()
    names = [columns] if isinstance(columns, str) else list(columns)
    wanted = table[names].map(lambda text: len(text.encode())).sum(axis=1)
    assert raw.train.file_bytes().tolist() == wanted.tolist()
