"""Tables of texts: labels without texts, what becomes token ids, and what is wrong said in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from simulator.learning.data.datasets import encoding
from simulator.learning.data.datasets.base import Raw
from simulator.learning.data.datasets.text_parquet import ParquetTable, TextParquet
from simulator.learning.data.datasets.texts import IGNORED, PADDING
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.tokenizers import bert_tokenizer, gpt_tokenizer, write_table

normalizers = pytest.importorskip("tokenizers", reason="the extra text is not installed").normalizers

FILMS = {"text": ["good film", "bad film", "very good film", "not good"], "label": [1, 0, 1, 0]}
QUESTIONS = {
    "text": [" it is", " a film", " the film was"],
    "choices": [[" bad", " very good"], [" is good", " the"], [" bad", " it", " not"]],
    "label": [1, 0, 2],
}


def both(path: Path, columns: dict[str, Any] = FILMS, names: Sequence[str] = (), **settings: Any) -> Raw:
    """The same Parquet file to train and to test with."""
    file = write_table(path / "some.parquet", columns, names)
    return TextParquet(train=(file,), test=(file,), **settings).load()


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
    raw = both(tmp_path, {"text": text, "b": ["é", "x"], "label": [0, 1]}, text=("text", "b"))
    assert raw.train.file_bytes().tolist() == [4 + 2, 6 + 1]
    assert raw.train.file_bytes().dtype == np.int64
    assert rows_of(raw.train.encoded(bert, 8).ids)[0][:2] == [2, 4]


def test_choices_count_too(tmp_path: Path) -> None:
    sizes = both(tmp_path, QUESTIONS, choices="choices").train.file_bytes().tolist()
    texts, choices = QUESTIONS["text"], QUESTIONS["choices"]
    assert sizes == [len(text) + sum(map(len, of)) for text, of in zip(texts, choices, strict=True)]


# Bad input


@pytest.mark.parametrize(
    ("columns", "settings", "said"),
    [
        ({}, {"text": "txt"}, 'text: FOLDER/some.parquet has no such column; did you mean "text"? (text, label)'),
        ({}, {"label": "lable"}, 'label: FOLDER/some.parquet has no such column; did you mean "label"? (text, label'),
        ({"label": None, "class": [0, 1, 0, 1]}, {}, "(text, class; task: next_token needs none)"),
        ({"label": None}, {"task": "next_token", "label": "topic"}, "label: FOLDER/some.parquet has no such column"),
        ({}, {"text": "label", "label": "text"}, "text: in FOLDER/some.parquet it holds int64, and texts are"),
        ({"text": [b"a"] * 4}, {}, "text: in FOLDER/some.parquet it holds binary, and texts are wanted (None)"),
        ({"text": [["a"]] * 4}, {}, "it holds lists of texts, and texts are wanted"),
        ({}, {"choices": "text"}, "it holds one text in each row, and a list of texts in each row is wanted (None)"),
        ({"label": [0, None, 1, 0]}, {}, "row 1 (from 0), has the label empty: it is missing"),
        ({"label": [0.5, 1, 2, 0]}, {}, "row 0 (from 0), has the label 0.5: that is not a label"),
        ({"label": [0, 1, 2, 3]}, {"classes": 3}, "row 3 (from 0), has the label 3: there are 3 classes (0 to 2)"),
        ({"c": [["a"]] * 4, "label": list("A1AA")}, {"choices": "c"}, 'has the label "1": others are of '),
        ({"c": [["a"]] * 4, "label": [0, -1, 0, 0]}, {"choices": "c"}, "-1: it does not say which choice is right"),
        ({"a": ["x"] * 4, "b": ["y"] * 4, "label": [0, 1, 7, 0]}, {"choices": ("a", "b")}, "7: there are 2 choices"),
        ({"c": [["a"]] * 4, "label": ["yes"] * 4}, {"choices": "c"}, "(numbers from 0, or letters from A)"),
    ],
)  # fmt: skip
def test_tables_are_refused_in_words(tmp_path: Path, columns: Any, settings: Any, said: str) -> None:
    table = {name: values for name, values in (FILMS | columns).items() if values is not None}
    with pytest.raises(UnfitError) as error:
        both(tmp_path, table, **settings)
    assert said in refused(error).replace(str(tmp_path), "FOLDER")
    assert "\n" not in refused(error)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"text": ("text", "label")}, "label is the column of labels, which would be read off the text"),
        ({"text": ("a", "topic"), "label": "topic"}, "topic is the column of labels"),
        ({"text": list("abc")}, "a text or a pair of texts can be classified"),
        ({"choices": "c", "task": "next_token"}, "next_token has no choices"),
        ({"task": "multiple_choice"}, "multiple_choice needs the column of choices"),
        ({"text": []}, "at least 1"),
    ],
)
def test_settings_that_do_not_fit_together(settings: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TextParquet(train=("a",), test=("b",), **settings)


@pytest.mark.parametrize(
    ("columns", "settings", "said"),
    [
        ({"text": ["a", "b", "c", None]}, {}, 'row 3 (from 0), has no text in the column "text"'),
        ({"text": ["a", "", "c", "d"]}, {}, 'row 1 (from 0), has no text in the column "text"'),
        ({"b": ["a", None, "c", "d"]}, {"text": ("text", "b")}, 'row 1 (from 0), has no text in the column "b"'),
        ({"c": [["a", "b"], ["a", None]] * 2}, {"choices": "c"}, 'row 1 (from 0), has no text in the column "c"'),
        ({"c": [["a", "b"], None] * 2}, {"choices": "c"},
         "row 1 (from 0), has 0 choices, and its label says that number 0 is right"),
        ({"c": [["a", "b"], ["a", "b"]] * 2, "label": [0, 1, 2, 0]}, {"choices": "c"},
         "row 2 (from 0), has 2 choices, and its label says that number 2 is right (labels that count the choices"),
    ],
)  # fmt: skip
def test_texts_that_are_missing_are_named_by_their_row(
    tmp_path: Path, bert: Tokenizer, columns: Any, settings: Any, said: str
) -> None:
    raw = both(tmp_path, FILMS | columns, **settings).check()
    with pytest.raises(UnfitError) as error:
        raw.train.encoded(bert, 8)
    assert said in refused(error)
    assert refused(error).startswith("train: ")


def test_a_text_of_which_nothing_can_be_predicted_is_named_by_its_row(tmp_path: Path, gpt: Tokenizer) -> None:
    columns = FILMS | {"text": [" good film", " bad film", " good", " film"]}
    both(tmp_path, columns, task="next_token").train.encoded(gpt, 8)
    gpt.end = None  # as if the tokenizer had no such token: nothing follows a text of one token
    with pytest.raises(UnfitError, match=r"row 2 \(from 0\): this text is too short, there is no token in it that"):
        both(tmp_path, columns, task="next_token").train.encoded(gpt, 8)


def test_a_text_without_tokens_is_named_by_its_row(tmp_path: Path, gpt: Tokenizer) -> None:
    columns = FILMS | {"text": ["good", "bad", " ", "film"]}
    gpt._inner.normalizer = normalizers.Strip()
    with pytest.raises(UnfitError, match=r"row 2 \(from 0\): the tokenizer makes no token of this text"):
        both(tmp_path, columns).train.encoded(gpt, 8)


def test_a_model_without_a_tokenizer(tmp_path: Path) -> None:
    class Model:
        vocabulary = 100

    with pytest.raises(UnfitError) as error:
        both(tmp_path).train.encoded(Model(), 8)
    assert refused(error).startswith(
        "name: its texts must be tokenised, and the model has no tokenizer: say which with"
    )


def test_files_that_are_not_there_or_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("text")
    good = write_table(tmp_path / "good.parquet", FILMS)
    for name, said in (
        ("none.parquet", "there is no file FOLDER/none.parquet"),
        ("x-*.parquet", "no file matches FOLDER/x-*.parquet"),
        ("text.parquet", "FOLDER/text.parquet cannot be read as Parquet: Parquet file size is 4"),
    ):
        with pytest.raises(UnfitError) as error:
            TextParquet(train=(good,), test=(f"{tmp_path}/{name}",)).load()
        assert refused(error).replace(str(tmp_path), "FOLDER").startswith(f"test: {said}")


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
