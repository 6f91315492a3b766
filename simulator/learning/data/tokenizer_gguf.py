"""The tokenizer within a GGUF file, the format of llama.cpp: byte-level byte-pair encoding (BPE)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.learning.data.tokenizer_json import absent
from simulator.learning.gguf_reader import opened
from simulator.settings.errors import UnfitError
from simulator.settings.wording import clipped, listed

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Inner
    from tokenizers.pre_tokenizers import PreTokenizer

CONTROL, USER_DEFINED = 3, 4
"""The types of tokens that are not made of characters: llama.cpp's LLAMA_TOKEN_TYPE_*."""
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}|"
    r" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How the tokenizers of Llama 3 and Qwen 2 divide a text into words; numbers are divided into groups of digits."""


def load(path: Path) -> tuple[Inner, dict[str, str]]:
    """Read the tokenizer of a GGUF file.

    Returns:
        The tokenizer, and its tokens ``begin``, ``end`` and ``separator`` as far as the file names them.

    Raises:
        UnfitError: the file has no tokenizer of a kind that is known here, or a library is not installed.
    """
    try:
        from tokenizers import AddedToken, Tokenizer, models
    except ImportError as error:
        raise absent("tokenizers") from error
    read = _fields(path)
    model, words = read("tokenizer.ggml.model"), read("tokenizer.ggml.pre") or "default"
    if model is None:
        raise UnfitError("tokenizer", None, f"{path} has no tokenizer", "a tokenizer.json")
    if model != "gpt2":
        problem = f'{path} has a tokenizer of the kind "{model}", which is not known here'
        raise UnfitError("tokenizer", None, problem, 'BPE ("gpt2"), or a tokenizer.json')
    if words not in PRE_TOKENIZERS:
        problem = f'{path} has a tokenizer that divides texts into words as "{words}", which is not known here'
        raise UnfitError("tokenizer", None, problem, f"{listed(sorted(PRE_TOKENIZERS))}, or a tokenizer.json")
    tokens = read("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in read("tokenizer.ggml.merges") or ()]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    llama = words == "llama-bpe"
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=llama))
    inner.pre_tokenizer = PRE_TOKENIZERS[words]()
    _finish(inner, normalised=words == "qwen2")
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        types = read("tokenizer.ggml.token_type") or ()
        added = [token for token, of in zip(tokens, types, strict=False) if of == kind]
        inner.add_tokens([AddedToken(token, special=special, normalized=False) for token in added])
    named = {
        key: tokens[number]
        for key, theirs in (("begin", "bos"), ("end", "eos"), ("separator", "seperator"))
        if (number := read(f"tokenizer.ggml.{theirs}_token_id")) is not None and 0 <= number < len(tokens)
    }
    begins = read("tokenizer.ggml.add_bos_token")
    _add_around(
        inner,
        named.get("begin") if (llama if begins is None else begins) else None,
        named.get("end") if read("tokenizer.ggml.add_eos_token") else None,
    )
    return inner, named


def _fields(path: Path) -> Callable[[str], Any]:
    """Return a function that reads a value of a GGUF file by its key; None where there is none."""
    try:
        fields = opened(path).fields
    except ImportError as error:
        raise absent("gguf") from error
    except Exception as error:  # the library raises whatever numpy does with what is no GGUF
        reason = clipped((str(error).splitlines() or [type(error).__name__])[0])
        raise UnfitError("tokenizer", None, f"{path} cannot be read as GGUF: {reason}") from error
    return lambda key: fields[key].contents() if key in fields else None


def _bytes(use_regex: bool) -> PreTokenizer:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def _gpt2() -> PreTokenizer:
    return _bytes(use_regex=True)


def _smollm() -> PreTokenizer:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _bytes(use_regex=True)])


def _split(digits: str) -> PreTokenizer:
    from tokenizers import Regex, pre_tokenizers

    words = pre_tokenizers.Split(Regex(WORDS.format(digits=digits)), behavior="isolated")
    return pre_tokenizers.Sequence([words, _bytes(use_regex=False)])


PRE_TOKENIZERS: dict[str, Callable[[], PreTokenizer]] = {
    "gpt-2": _gpt2,
    "smollm": _smollm,
    "llama-bpe": lambda: _split("{1,3}"),
    "qwen2": lambda: _split(""),
}
"""How texts are divided into words before BPE, by the name that llama.cpp gives it."""


def _finish(inner: Inner, normalised: bool) -> None:
    """Set what does not depend on the file.

    Args:
        inner: the tokenizer.
        normalised: whether texts are brought into Unicode's form NFC first.
    """
    from tokenizers import decoders, normalizers, processors

    if normalised:
        inner.normalizer = normalizers.NFC()
    inner.decoder = decoders.ByteLevel()
    inner.post_processor = processors.ByteLevel(trim_offsets=False)


def _add_around(inner: Inner, begin: str | None, end: str | None) -> None:
    """Let special tokens begin and end each text of a pair."""
    from tokenizers import processors

    if begin is None and end is None:
        return
    around = [f"{begin}:{{kind}} "] * (begin is not None), [f" {end}:{{kind}}"] * (end is not None)

    def template(text: str, kind: int) -> str:
        return "".join([*around[0], text, *around[1]]).replace("{kind}", str(kind))

    special = [(token, inner.token_to_id(token)) for token in (begin, end) if token is not None]
    inner.post_processor = processors.TemplateProcessing(
        single=template("$A:0", 0), pair=f"{template('$A:0', 0)} {template('$B:1', 1)}", special_tokens=special
    )
