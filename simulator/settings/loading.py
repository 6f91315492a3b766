"""Settings that are read from a file and remember it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import PrivateAttr, ValidationError

from simulator.settings.base import Settings
from simulator.settings.errors import ScenarioError
from simulator.settings.sources import Source, told
from simulator.settings.validation import in_words
from simulator.settings.yamlfile import KeyPath


class FileSettings(Settings):
    """The settings of a whole file.

    Attributes:
        kind_of_file: one of ``sources.KINDS``; None where any file is taken for one of these.
    """

    kind_of_file: ClassVar[str | None] = None
    _source: Source | None = PrivateAttr(default=None)

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """The error for a key that only a later step can check; it names the file and the line.

        Args:
            loc: the keys, such as `("algorithms", "SFPrompt", "head")`; an algorithm by its index or label.
            value: what the file says there; None where the message is better without it.
            problem: in words.
            allowed: in words, where there is a short way to say it.
        """
        if self._source is None:
            return ScenarioError(told(".".join(map(str, loc)), value, problem, allowed))
        return self._source.error(loc, value, problem, allowed)


F = TypeVar("F", bound=FileSettings)


def read_settings(kind: type[F], path: Path | str, overrides: Sequence[str] = ()) -> F:
    """Read a file of settings.

    Args:
        kind: what the file should say.
        path: the file; paths that it names are relative to its folder.
        overrides: each "KEY=VALUE", such as "world.server.slots=2" or "algorithms.SFPrompt.keep_fraction=0.8": a
            dotted key, an item of a list by its index, an algorithm also by its label, and a value in YAML.

    Raises:
        ScenarioError: all that is wrong with it, a line each.
    """
    source = Source(path, overrides)
    if kind.kind_of_file:
        source.check_kind(kind.kind_of_file)
    return validated(kind, source)


def validated(kind: type[F], source: Source) -> F:
    """The settings that plain data say.

    Raises:
        ScenarioError: all that is wrong with them, a line each.
    """
    try:
        settings = kind.model_validate(source.data, context={"folder": Path(source.path).parent})
    except ValidationError as error:
        raise in_words(error, source) from None
    settings._source = source
    return settings
