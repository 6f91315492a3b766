"""What models learn, and what their accuracy is called: of a language model, it is that of its tokens."""

from __future__ import annotations

from math import exp

CLASSIFICATION, NEXT_TOKEN = "classification", "next_token"
SEVERAL = "several"
"""What runs side by side learn where it is not the same in all of them: then nothing that was learned compares."""
_MOST_NATS = 700.0
"""From about 709 on, exp does not fit a double."""


def worded(text: str, task: str) -> str:
    """Return a text in which accuracy is called token accuracy, if the task is to predict the next token.

    >>> worded("Accuracy over time", "next_token"), worded("settled accuracy", "classification")
    ('Token accuracy over time', 'settled accuracy')

    Args:
        text: the text.
        task: the task: "classification", "next_token" or "multiple_choice".
    """
    if task != NEXT_TOKEN:
        return text
    for word in ("accuracy", "accuracies"):
        text = text.replace(word, f"token {word}").replace(word.capitalize(), f"Token {word}")
    return text


def counts_samples(task: str) -> bool:
    """Return whether an accuracy is a share of the test samples, which are independent; tokens of a text are not."""
    return task not in (NEXT_TOKEN, SEVERAL)


def perplexity(loss: float | None, task: str) -> float | None:
    """Return the perplexity of a language model, exp(loss): among how many tokens, as it were, it hesitates.

    Args:
        loss: the mean cross-entropy of a token, in nats; None if it is not known.
        task: the task.

    Returns:
        The perplexity; None for another task than to predict the next token, and where it is too large for a number.
    """
    return exp(loss) if loss is not None and loss < _MOST_NATS and task == NEXT_TOKEN else None
