"""What can be wrong with what a user wrote, and where in a file it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from simulator.settings.yamlfile import KeyPath


class ScenarioError(ValueError):
    """A scenario that cannot be run: what is wrong in words a person can act on, one line for each problem."""


class UnfitError(ValueError):
    """A setting that what it meets does not allow: where it stands, its value, what is wrong, and what is allowed.

    Attributes:
        key: a key, or a path of keys, from whatever was being read or built: the algorithm's, the data set's, the
            model's.
        value: as it was given; None where the message is better without it.
        problem: in words.
        allowed: in words; None where there is no short way to say it.
    """

    def __init__(self, key: str | KeyPath, value: Any, problem: str, allowed: str | None = None) -> None:
        super().__init__(key, value, problem, allowed)
        self.key, self.value, self.problem, self.allowed = key, value, problem, allowed

    def __str__(self) -> str:
        return self.problem + (f" (allowed: {self.allowed})" if self.allowed else "")

    @property
    def path(self) -> KeyPath:
        """The keys, outermost first."""
        return (self.key,) if isinstance(self.key, str) else self.key

    def below(self, *where: str | int) -> UnfitError:
        """The same, told from further out: its keys stand below these."""
        return UnfitError((*where, *self.path), self.value, self.problem, self.allowed)


class Located(Protocol):
    """Something that was read from a file and knows where each of its keys stands."""

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """The error for a key; it names the file and the line."""


@contextmanager
def located(file: Located, *where: str | int) -> Iterator[None]:
    """Within it, a setting that does not fit is told as one of this file, with its line.

    Args:
        where: the keys below which the setting stands, such as "data".

    Raises:
        ScenarioError: in place of an ``UnfitError``.
    """
    try:
        yield
    except UnfitError as error:
        raise file.error((*where, *error.path), error.value, error.problem, error.allowed) from error
