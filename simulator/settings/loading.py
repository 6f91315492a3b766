"""Settings that are read from a file, and that can report an error with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import PrivateAttr, ValidationError

from simulator.settings.base import Settings
from simulator.settings.bounds import unusable
from simulator.settings.errors import ScenarioError
from simulator.settings.sources import Source, told
from simulator.settings.validation import in_words
from simulator.settings.yamlfile import KeyPath


class FileSettings(Settings):
    """The settings of a whole file.

    Attributes:
        kind_of_file: the key of its kind in ``sources.KINDS``; None where the kind of a file is not checked.
    """

    kind_of_file: ClassVar[str | None] = None
    _source: Source | None = PrivateAttr(default=None)

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """Return the error for a key that only a later step can check; its message names the file and the line.

        Args:
            loc: the keys, such as `("algorithms", "SFPrompt", "head")`; an algorithm by its index or label.
            value: the value in the file; None where the message is better without it.
            problem: what is wrong, in words.
            allowed: what is allowed, in words, if there is a short way to say it.
        """
        if self._source is None:
            given = None if value is None else str(value)  # not as YAML: nobody wrote a file
            return ScenarioError(told(".".join(map(str, loc)), given, problem, allowed))
        return self._source.error(loc, value, problem, allowed)


F = TypeVar("F", bound=FileSettings)


def read_settings(kind: type[F], file: Path | str | Mapping[str, Any], overrides: Sequence[str] = ()) -> F:
    """Read a file of settings.

    Args:
        kind: the class of the settings.
        file: the file, or a mapping with what a file would have; relative paths in it start at its folder, or at the
            working directory.
        overrides: each "KEY=VALUE", such as "world.server.slots=2" or "algorithms.SFPrompt.keep_fraction=0.8". KEY is
            dotted, with an item of a list given by its index and an algorithm also by its label; VALUE is YAML.

    Raises:
        ScenarioError: the file or an override is wrong; a line for each problem.
    """
    source = Source(file, overrides)
    if kind.kind_of_file:
        source.check_kind(kind.kind_of_file)
    return validated(kind, source)


def validated(kind: type[F], source: Source) -> F:
    """Validate the data of a source, and return the settings, which remember the source.

    Raises:
        ScenarioError: the data are not valid; a line for each problem.
    """
    if refused := [str(source.error(path, value, why)) for path, value, why in unusable(source.data)]:
        raise ScenarioError("\n".join(refused))
    try:
        settings = kind.model_validate(source.data, context={"folder": Path(source.path).parent})
    except ValidationError as error:
        raise in_words(error, source) from None
    settings._source = source
    return settings
