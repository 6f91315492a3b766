"""The tokenizer in a tokenizer.json of Hugging Face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.settings.errors import UnfitError
from simulator.settings.wording import clipped

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Inner

USUAL = "tokenizer.json"
EXTRA = "pip install 'sfsim[text]'"
"""How the libraries for texts are installed."""


def load(path: Path) -> tuple[Inner, dict[str, str]]:
    """Read a tokenizer.json.

    Returns:
        The tokenizer, and the tokens ``begin``, ``end`` and ``separator`` that files beside it name.

    Raises:
        UnfitError: the file cannot be read, or the library for it is not installed.
    """
    try:
        from tokenizers import Tokenizer as Inner
    except ImportError as error:
        raise absent("tokenizers") from error
    try:
        return Inner.from_file(str(path)), _special(path.parent)
    except Exception as error:  # the library raises plain exceptions
        reason = clipped((str(error).splitlines() or [type(error).__name__])[0])
        problem = f"{path} cannot be read as a tokenizer.json: {reason}"
        raise UnfitError("tokenizer", None, problem, f"a {USUAL} of Hugging Face, or a .gguf file") from error


def _special(folder: Path) -> dict[str, str]:
    """Return the special tokens that Hugging Face's files in a folder name."""
    named: dict[str, str] = {}
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        try:
            content = json.loads((folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        for key, theirs in (("begin", "bos_token"), ("end", "eos_token"), ("separator", "sep_token")):
            token = content.get(theirs) if isinstance(content, dict) else None
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                named.setdefault(key, token)
    return named


def absent(library: str) -> UnfitError:
    """Return the error for a library that is not installed."""
    return UnfitError("tokenizer", None, f"the library {library} is not installed: {EXTRA}")
