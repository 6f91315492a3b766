"""CSV and TSV files of texts: the same rows as a table of Parquet, and what is wrong said in words."""

import csv
from pathlib import Path
from typing import Any

import pytest

from simulator.learning.data.datasets.base import Raw
from simulator.learning.data.datasets.text_csv import TextCsv
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.tokenizers import WORDS, bert_tokenizer

pytest.importorskip("tokenizers", reason="the extra text is not installed")

FILMS = 'text,label\n"good, very good",pos\n"not ""good""",neg\n"a\nfilm",pos\n'


def both(path: Path, content: str | bytes = FILMS, name: str = "some.csv", **settings: Any) -> Raw:
    """The same file to train and to test with."""
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return TextCsv(train=(str(file),), test=(str(file),), **settings).load()


@pytest.fixture
def bert(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(bert_tokenizer(tmp_path, [*WORDS, ",", '"']))


@pytest.mark.parametrize("content", [FILMS, FILMS.replace("\n", "\r\n"), "\ufeff" + FILMS, FILMS + "\n\n"])
def test_values_stand_in_quotation_marks(tmp_path: Path, bert: Tokenizer, content: str) -> None:
    raw = both(tmp_path, content).check()
    assert (raw.train.labels.tolist(), raw.names, len(raw.test)) == ([1, 0, 1], ("neg", "pos"), 3)
    good, film, a, comma, mark = 4, 6, 7, 14, 15
    ids = raw.train.encoded(bert, 8).ids
    assert [row[row >= 0].tolist() for row in ids] == [
        [2, good, comma, 13, good, 3],
        [2, 12, mark, good, mark, 3],
        [2, a, film, 3],
    ]
    assert raw.train.file_bytes().tolist()[:2] == [len("good, very good"), len('not "good"')]


def test_whole_numbers_are_labels_by_number(tmp_path: Path) -> None:
    raw = both(tmp_path, "label,text\n10,a\n2,b\n0,c\n", classes=11)
    assert raw.train.labels.tolist() == [10, 2, 0]
    raw = both(tmp_path, "label,text\nten,a\n2x,b\n0.x,c\n")
    assert raw.names == ("0.x", "2x", "ten")


def test_tsv_files_have_tabs_and_no_quotation_marks(tmp_path: Path, bert: Tokenizer) -> None:
    content = 'text\tlabel\n"good, very good\t1\nnot"\t0\n'
    for name, settings in (("some.tsv", {}), ("some.txt", {"delimiter": "\t", "quotes": False})):
        raw = both(tmp_path, content, name, **settings)
        assert raw.train.labels.tolist() == [1, 0]
        assert raw.train.file_bytes().tolist() == [len('"good, very good'), len('not"')]
    quoted = both(tmp_path, 'text\tlabel\n"good\tfilm"\t0\n', "some.tsv", quotes=True)
    assert quoted.train.file_bytes().tolist() == [len("good\tfilm")]


def test_columns_can_be_named(tmp_path: Path) -> None:
    raw = both(tmp_path, "0,good film\n1,bad film\n", columns=("label", "text"))
    assert raw.train.labels.tolist() == [0, 1]


def test_the_next_token_needs_no_labels(tmp_path: Path) -> None:
    raw = both(tmp_path, "question,answer\na,b\nc,d\n", text=("question", "answer"), task="next_token")
    assert (raw.names, len(raw.train)) == (("text",), 2)


def test_choices_are_columns(tmp_path: Path, bert: Tokenizer) -> None:
    raw = both(tmp_path, "text,a,b,label\nfilm,good,bad,B\nfilm,is,was,A\n", choices=("a", "b"))
    assert (raw.test.labels.tolist(), len(raw.test.encoded(bert, 8).ids)) == ([1, 0], 4)


def test_several_files_and_a_limit(tmp_path: Path, bert: Tokenizer) -> None:
    for number in range(2):
        rows = [[word, 5 * number + place] for place, word in enumerate(WORDS[5 * number : 5 * number + 5])]
        with open(tmp_path / f"{number}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["text", "label"], *rows])
    train = (f"{tmp_path}/0.csv", f"{tmp_path}/1.csv")
    for limit in (1, 3, 7, None):
        raw = TextCsv(train=train, test=train, limit=limit).load()
        assert raw.train.encoded(bert, 3).ids[:, 1].tolist() == (4 + raw.train.labels).tolist()
        assert raw.train.file_bytes().tolist() == [len(WORDS[label]) for label in raw.train.labels]
        assert len(raw.train) == (limit or 10)


def test_a_long_text_is_one_value(tmp_path: Path) -> None:
    assert both(tmp_path, f"text,label\n{'film ' * 40_000},0\n").train.file_bytes().tolist() == [200_000]


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        (FILMS, {"text": "txt"}, 'text: FOLDER/some.csv has no such column; did you mean "text"? (text, label; where'),
        ("good,1\nbad,0\n", {}, "text: FOLDER/some.csv has no such column (good, 1; where the first line is no header, "
         "name the columns: columns: [...])"),
        ("text;label\ngood;1\nbad;0\n", {}, "text: FOLDER/some.csv has no such column (text;label; where values are "
         "divided by ';', say so: delimiter: \";\")"),
        (b"PAR1\x15\x04", {}, "train: FOLDER/some.csv is a Parquet file, not a CSV file (data: {name: text_parquet})"),
        ("text,label\ngood film,1\nbad, very bad,0\n", {}, "train: FOLDER/some.csv, row 1 (from 0), has 3 values, and "
         "there are 2 columns (quotation marks around values"),
        ("text,label\ngood\n", {}, "row 0 (from 0), has 1 value, and there are 2 columns"),
        ("text,label\ngood,1\nbad,no\n", {}, 'label: FOLDER/some.csv, row 1 (from 0), has the label "no": labels above '
         "are whole numbers, and this is text (labels of one kind)"),
        ("text,label\ngood,yes\nbad,0\n", {}, "labels above are text, and this is a whole number"),
        ("text,label\ngood,\n", {}, 'row 0 (from 0), has the label "": it is missing'),
        ("text,label\ngood,0.5\n", {}, "that is not a label (whole numbers from 0, or text)"),
        ("text,label\ngood,-1\n", {}, "has the label -1: classes are numbered from 0"),
        ("text,label\n\xe9,1\n".encode("latin-1"), {}, "train: FOLDER/some.csv is not UTF-8: it has the byte 0xe9"),
        ("text,label\n\"good,1\n", {}, "train: FOLDER/some.csv cannot be read as CSV: unexpected end of data (see"),
        ("", {}, "train: FOLDER/some.csv is empty (None)"),
        ("text,label\n", {}, "there are no texts to train with"),
    ],
)  # fmt: skip
def test_files_are_refused_in_words(tmp_path: Path, content: str | bytes, settings: Any, said: str) -> None:
    with pytest.raises(UnfitError) as error:
        both(tmp_path, content, **settings).check()
    assert said in refused(error).replace(str(tmp_path), "FOLDER")
    assert "\n" not in refused(error)


def test_an_empty_text_is_named_by_its_row(tmp_path: Path, bert: Tokenizer) -> None:
    with pytest.raises(UnfitError, match=r'some.csv, row 1 \(from 0\), has no text in the column "text"'):
        both(tmp_path, "text,label\ngood,1\n,0\n").train.encoded(bert, 8)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.csv", "there is no file "), (tmp_path, "cannot be read as CSV: it is not a")):
        with pytest.raises(UnfitError, match=said):
            TextCsv(train=(str(path),), test=(str(path),)).load()
