"""Tokenizers and tables of texts, made up for tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

WORDS = ("good", "bad", "film", "a", "the", "was", "is", "it", "not", "very")
"""The words that the tokenizers know."""


def bert_tokenizer(folder: Path, words: Sequence[str] = WORDS) -> Path:
    """Write a tokenizer.json of whole words with [CLS] and [SEP], as BERT's, and return its path.

    The ids are [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then the words.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    known = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *words))}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(pad_id=0, length=64)
    tokenizer.enable_truncation(4)
    return _written(tokenizer, folder)


def gpt_tokenizer(folder: Path, words: Sequence[str] = WORDS, begin: str | None = None) -> Path:
    """Write a tokenizer.json of byte-level BPE, as GPT-2's, that knows some words, and return its path.

    The end-of-text token has the largest id.

    Args:
        folder: where it is written.
        words: these words, with a space before them, are one token each.
        begin: a token that begins each text, as Llama's do; None: there is none.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False, min_frequency=1)
    tokenizer.train_from_iterator([f" {word}" for word in words for _ in range(3)], trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens([AddedToken(token) for token in ((begin,) if begin else ())])
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>")])
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A $B", special_tokens=[(begin, tokenizer.token_to_id(begin))]
        )
    return _written(tokenizer, folder)


def write_table(path: Path, columns: dict[str, Any], classes: Sequence[str] = ()) -> str:
    """Write a Parquet file, three rows to a group, and return its path.

    Args:
        path: the file.
        columns: the values of each column.
        classes: the names of the classes, which the column ``label`` declares as Hugging Face's do.
    """
    table = pa.table(columns)
    if classes:
        told = {"info": {"features": {"label": {"names": list(classes), "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    parquet.write_table(table, path, row_group_size=3)
    return str(path)


def _written(tokenizer: Any, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path
