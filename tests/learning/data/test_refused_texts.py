"""Tables of texts: what is wrong is said in words."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.learning.data.datasets.text_parquet import TextParquet
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.text_tables import FILMS, both
from tests.helpers.tokenizers import bert_tokenizer, gpt_tokenizer, write_table

normalizers = pytest.importorskip("tokenizers", reason="the extra text is not installed").normalizers


@pytest.fixture
def bert(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(bert_tokenizer(tmp_path))


@pytest.fixture
def gpt(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(gpt_tokenizer(tmp_path))


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
