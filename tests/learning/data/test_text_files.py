"""Plain text files: passages are whole lines where they fit, and together they are the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.learning.data.datasets import text_files
from simulator.learning.data.datasets.text_files import TextFiles
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.tokenizers import gpt_tokenizer

pytest.importorskip("tokenizers", reason="the extra text is not installed")


def passages(path: Path, content: str, most: int) -> list[str]:
    """Return the passages of a file."""
    path.write_text(content, encoding="utf-8", newline="")
    encoded = content.encode()
    return [encoded[start:end].decode() for _, start, end in text_files._passages("train", str(path), most)]


def test_passages_are_whole_lines_where_they_fit(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    assert passages(file, "one\ntwo\nthree\nfour", 9) == ["one\ntwo\n", "three\n", "four"]
    assert passages(file, "one\ntwo\nthree\nfour", 100) == ["one\ntwo\nthree\nfour"]
    assert passages(file, "one two three four", 9) == ["one two ", "three ", "four"]
    assert passages(file, "onetwothree", 4) == ["onet", "woth", "ree"]
    assert passages(file, "ééé", 3) == ["é", "é", "é"]
    assert passages(file, "", 3) == []
    assert passages(file, "a\n" + "\n" * 20 + "b", 5) == ["a\n\n\n\n", "\n\nb"]


def test_passages_together_are_the_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for most in (4, 7, 16, 50):
        content = "".join(random.choice(list("ab é漢🎉\n"), size=300))
        parts = passages(tmp_path / "a.txt", content, most)
        left = content
        for part in parts:
            blank, _, left = left.partition(part)
            assert not blank.strip()
            assert len(part.encode()) <= most
        assert not left.strip()


def read(folder: Path, **settings: Any) -> Any:
    return TextFiles(train=f"{folder}/train/*", test=[f"{folder}/test.txt"], **settings).load().check()  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "bo.txt").write_text(" a good film\n the bad film\n")
    (tmp_path / "train" / "al.txt").write_text(" it was a very good film\n")
    (tmp_path / "test.txt").write_bytes(b"\xef\xbb\xbf not good\n")
    return tmp_path


def test_the_class_of_a_passage_is_its_file(folder: Path) -> None:
    raw = read(folder, passage=16)
    assert (raw.task, raw.kind, raw.names) == ("next_token", "texts", ("al.txt", "bo.txt"))
    assert raw.train.labels.tolist() == [0, 0, 1, 1]
    assert raw.test.labels.tolist() == [0]
    assert raw.train.file_bytes().tolist() == [15, 10, 13, 14]


def test_each_token_is_predicted_from_those_before(folder: Path) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(folder))
    raw = read(folder, passage=16)
    encoded = raw.train.encoded(tokenizer, 6)
    wanted = tokenizer.encode([(" it was a very ",), ("good film\n",), (" a good film\n",), (" the bad film\n",)], 6)
    assert [row[row >= 0].tolist() for row in encoded.ids] == wanted[0]
    assert encoded.truncated == wanted[1]
    for ids, targets in zip(encoded.ids, encoded.targets, strict=True):
        count = (ids >= 0).sum()
        assert targets[: count - 1].tolist() == ids[1:count].tolist()
        assert (targets[count - 1 :] == -100).all()
    (test,) = raw.test.encoded(tokenizer, 6).ids
    assert test[test >= 0].tolist() == tokenizer.encode([(" not good\n",)], 6)[0][0]


def test_a_limit_takes_passages(folder: Path) -> None:
    whole, some = read(folder, passage=16), read(folder, passage=16, limit=2)
    rows = TextFiles(train="a", test="b", limit=2).chosen("train", 4)  # type: ignore[arg-type]
    assert some.train.labels.tolist() == whole.train.labels[rows].tolist()
    assert some.train.file_bytes().tolist() == whole.train.file_bytes()[rows].tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "test: no file matches FOLDER/x*"),
        (
            "caf\xe9\n".encode("latin-1"),
            "test: FOLDER/x is not UTF-8: it has the byte 0xe9, which does not occur there",
        ),
        (b" \n\n", "name: there are no texts to test with"),
    ],
)
def test_files_are_refused_in_words(folder: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (folder / "x").write_bytes(content)
    with pytest.raises(UnfitError) as error:
        TextFiles(train=f"{folder}/train/*", test=f"{folder}/x*").load().check()  # type: ignore[arg-type]
    assert said in refused(error).replace(str(folder), "FOLDER")


def test_a_folder_is_no_text(folder: Path) -> None:
    with pytest.raises(UnfitError, match="cannot be read as text: it is not a file"):
        TextFiles(train=str(folder), test=str(folder)).load()  # type: ignore[arg-type]
    with pytest.raises(UnfitError, match="there is no file "):
        TextFiles(train=f"{folder}/none", test=f"{folder}/none").load()  # type: ignore[arg-type]
