"""Tokenizers, which make token ids of texts: those of Hugging Face's tokenizer.json, and those within GGUF files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.learning.data import tokenizer_gguf, tokenizer_json
from simulator.learning.data.tokenizer_json import USUAL
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as Inner

GGUF = ".gguf"
ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>")
"""Tokens that end a text, where no file beside the tokenizer names one."""
BEGINS = ("<|begin_of_text|>", "<s>", "<bos>", "[CLS]")
SEPARATORS = ("[SEP]", "</s>")
"""The same for what begins a text, and for what stands between two."""


class Tokenizer:
    """A tokenizer with the special tokens that its model was trained with.

    Args:
        inner: the tokenizer of the library ``tokenizers``.
        path: the file that it comes from.
        begin, end, separator: the special tokens, as text; None: as usual tokens are named, if it has such.

    Attributes:
        path: as given.
        vocabulary: the largest token id plus 1.
        begin, end, separator: the ids of the tokens that begin a text, end it (end-of-text), and stand between two
            texts; None where there is no such token.
    """

    def __init__(
        self, inner: Inner, path: Path, begin: str | None = None, end: str | None = None, separator: str | None = None
    ) -> None:
        inner.no_padding()
        inner.no_truncation()
        self._inner, self.path = inner, path
        self.vocabulary = max(inner.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        self.begin, self.end = self._id(begin, BEGINS), self._id(end, ENDS)
        self.separator = self._id(separator, SEPARATORS)

    @staticmethod
    def load(path: Path) -> Tokenizer:
        """Read a tokenizer.json, or the tokenizer of a GGUF file.

        Which tokens begin and end a text is read from tokenizer_config.json or special_tokens_map.json beside it.

        Args:
            path: the file, or a folder with a tokenizer.json.

        Raises:
            UnfitError: there is no such file, it cannot be read, or a library for it is not installed.
        """
        if path.is_dir():
            path = path / USUAL
        if not path.is_file():
            raise UnfitError("tokenizer", None, f"there is no file {path}")
        if path.suffix == GGUF:
            inner, special = tokenizer_gguf.load(path)
        else:
            inner, special = tokenizer_json.load(path)
        return Tokenizer(inner, path, **special)

    def check(self, vocabulary: int, length: int) -> None:
        """Refuse a model that this tokenizer does not fit.

        Args:
            vocabulary: how many token ids the model has.
            length: the number of tokens of a text at most.

        Raises:
            UnfitError: the model lacks token ids, or a text is to have no more than special tokens.
        """
        if self.vocabulary > vocabulary:
            problem = (
                f"{self.path} has {self.vocabulary:,} token ids, and the model knows {vocabulary:,}: "
                "it is the tokenizer of another model"
            )
            raise UnfitError("tokenizer", None, problem)
        if length < (least := self._inner.num_special_tokens_to_add(is_pair=True) + 2):
            problem = "the tokenizer's special tokens leave no room for texts"
            raise UnfitError("length", length, problem, f"{least} or more")

    def encode(self, texts: Sequence[tuple[str, ...]], length: int) -> tuple[list[list[int]], int]:
        """Tokenise texts or pairs of texts with the special tokens around and between them.

        Where a pair is too long, tokens of the longer text are cut off at its end until both are of one length, then
        of both ("longest first", as Hugging Face's examples do).

        Args:
            texts: one or two texts for each row.
            length: the number of tokens of a row at most.

        Returns:
            The token ids of each row, and how many rows were cut off.
        """
        self._inner.enable_truncation(length, strategy="longest_first")
        try:
            encodings = self._inner.encode_batch([text[0] if len(text) == 1 else text for text in texts])
        finally:
            self._inner.no_truncation()
        return [encoding.ids for encoding in encodings], sum(bool(encoding.overflowing) for encoding in encodings)

    def encode_continued(
        self, texts: Sequence[tuple[str, str]], length: int, ends: bool = True
    ) -> tuple[list[list[int]], list[int], int]:
        """Tokenise texts of which the second part is to be predicted from the first.

        Both parts are tokenised as one text. Where it is too long, tokens of the first part are cut off at its
        beginning (but for one), so that an answer keeps the end of its question; then tokens of the second part at its
        end.

        Args:
            texts: the first part, which may be empty, and the second part of each row.
            length: the number of tokens of a row at most.
            ends: whether the end-of-text token follows, where there is one. It always follows a text of one token, of
                which nothing could be predicted otherwise.

        Returns:
            The token ids of each row; the position at which its second part starts; and how many rows were cut off.
        """
        ids, starts, truncated = [], [], 0
        encodings = self._inner.encode_batch([first + second for first, second in texts])
        for (first, _), encoding in zip(texts, encodings, strict=True):
            before, body, after = _parts(encoding)
            if self.end is not None and not after and (ends or len(before) + len(body) < 2):
                after = [self.end]
            start = _tokens_within(encoding, len(before), len(body), len(first))
            surplus = len(before) + len(body) + len(after) - length
            if surplus > 0:
                truncated += 1
                cut = max(0, min(surplus, start - (not before)))
                body, start = body[cut:], start - cut
            ids.append((before + body + after)[:length])
            starts.append(len(before) + start)
        return ids, starts, truncated

    def _id(self, token: str | None, usual: Sequence[str]) -> int | None:
        known = (self._inner.token_to_id(word) for word in ([token] if token is not None else usual))
        return next((number for number in known if number is not None), None)


def _parts(encoding: Encoding) -> tuple[list[int], list[int], list[int]]:
    """Return the special tokens before a text, the tokens of the text, and the special tokens behind it."""
    ids, special = list(encoding.ids), list(encoding.special_tokens_mask)
    first = next((place for place, mark in enumerate(special) if not mark), len(ids))
    last = next((place for place in range(len(ids), first, -1) if not special[place - 1]), first)
    return ids[:first], ids[first:last], ids[last:]


def _tokens_within(encoding: Encoding, first: int, count: int, characters: int) -> int:
    """Return how many tokens of a text end within its first characters.

    Args:
        encoding: the text with special tokens.
        first, count: where its own tokens begin, and how many there are.
        characters: the number of characters.
    """
    if not characters:
        return 0
    offsets = encoding.offsets[first : first + count]
    return next((place for place, (_, end) in enumerate(offsets) if end > characters), count)
