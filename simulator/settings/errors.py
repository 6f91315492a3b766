"""Errors in what a user wrote, and the context that adds the file and the line to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from simulator.settings.wording import bounded
from simulator.settings.yamlfile import KeyPath


class MessageError(Exception):
    """An error whose text is all that a user needs: a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ScenarioError(MessageError, ValueError):
    """A scenario, or another file of settings, that cannot be used.

    Its text says what is wrong in words that a user can act on, one line for each problem. However hostile a file is,
    it is at most a page or two: see ``wording.bounded``.
    """

    def __str__(self) -> str:
        return bounded(super().__str__())


class UnfitError(ValueError):
    """A setting that does not fit what it is used with, such as a data set or a model.

    Whoever raises it need not know the file: ``located`` and ``validation.in_words`` add the file and the line.

    Attributes:
        key: the key of the setting, or the path of its keys, relative to what was being read or built (the algorithm,
            the data set, the model).
        value: the value as it was given; None where the message is better without it.
        problem: what is wrong, in words.
        allowed: what is allowed, in words; None where there is no short way to say it.
    """

    def __init__(self, key: str | KeyPath, value: Any, problem: str, allowed: str | None = None) -> None:
        super().__init__(key, value, problem, allowed)
        self.key, self.value, self.problem, self.allowed = key, value, problem, allowed

    def __str__(self) -> str:
        return self.problem + (f" (allowed: {self.allowed})" if self.allowed else "")

    @property
    def path(self) -> KeyPath:
        """The path of its keys, outermost first."""
        return (self.key,) if isinstance(self.key, str) else self.key

    def below(self, *where: str | int) -> UnfitError:
        """Return the same error with these keys, outermost first, put before its own."""
        return UnfitError((*where, *self.path), self.value, self.problem, self.allowed)


class Located(Protocol):
    """Something that was read from a file and knows the line of each of its keys."""

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """Return the error for a key; its message names the file and the line.

        Args:
            loc: the path of keys in the file, outermost first.
            value: the value in the file; None where the message is better without it.
            problem: what is wrong, in words.
            allowed: what is allowed, in words, if there is a short way to say it.
        """


@contextmanager
def located(file: Located, *where: str | int) -> Iterator[None]:
    """Report a setting that does not fit, within this context, as an error of a file, with its line.

    Args:
        file: what the setting was read from.
        where: the keys below which the setting stands in the file, such as "data".

    Raises:
        ScenarioError: in place of an ``UnfitError``.
    """
    try:
        yield
    except UnfitError as error:
        raise file.error((*where, *error.path), error.value, error.problem, error.allowed) from error
