"""Which columns of a table are texts and labels, as the keys by which a scenario names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.settings.wording import listed, shown

PAIRS = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"))
"""Columns that are pairs of texts where they are classified."""
ANSWERS = (("question", "answer"), ("prompt", "completion"), ("prompt", "response"), ("instruction", "output"))
"""Columns of which the second is predicted from the first, where there are no labels."""
TEXTS = ("text", "sentence", "content", "review", "document")
LABELS = ("label", "labels", "class", "category", "topic", "sentiment", "target")
"""What columns of texts and of labels are usually called."""
MODELS = {"classification": "minilm", "next_token": "smollm2-135m"}
"""A small model for each task, whose weights are in a package."""


def text_keys(columns: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the keys that name the texts and the labels of a table.

    Args:
        columns: what each column holds; ``text`` where it is texts.

    Returns:
        ``text``, with ``label`` or else ``task``; None where no column holds texts.
    """
    label = next((name for name in LABELS if name in columns), None)
    texts = [name for name, kind in columns.items() if kind == "text" and name != label]
    if not texts:
        return None
    usual = next((name for name in TEXTS if name in texts), texts[0])
    together: Sequence[str] | None = next(
        (pair for pair in (ANSWERS if label is None else PAIRS) if set(pair) <= set(texts)), None
    )
    named = {"text": usual if together is None else list(together)}
    return named | ({"task": "next_token"} if label is None else {"label": label})


def unused_words(columns: Mapping[str, str], keys: Mapping[str, Any]) -> str:
    """Return a sentence on the columns that are not used, where no column has a label's name; else an empty text.

    Args:
        columns: all columns.
        keys: what ``text_keys`` found.
    """
    used = [keys["text"]] if isinstance(keys.get("text"), str) else keys.get("text", [])
    unused = [shown(name)[1:-1] for name in columns if name not in used]
    if "label" in keys or not used or not unused:
        return ""
    what = f"The next token of {listed(shown(name)[1:-1] for name in used)} is learned; not used: {listed(unused)}"
    return f" {what} (to learn classes, name their column: label)."
