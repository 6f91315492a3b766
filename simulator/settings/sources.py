"""The plain data of a scenario or another file of settings, the overrides of `--set`, and the line of each key."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from simulator.settings import keys, yamlfile
from simulator.settings.errors import ScenarioError
from simulator.settings.wording import clipped, shown
from simulator.settings.yamlfile import Document, KeyPath, YamlError, plain

T = TypeVar("T")


KINDS = {
    "scenario": ({"world", "algorithms"}, "sfsim run"),
    "sweep": ({"axes", "zip"}, "sfsim sweep"),
    "search": ({"space", "objectives"}, "sfsim search"),
    "claim": ({"claim", "figures"}, "sfsim claims"),
    "recipe of pre-training": ({"epochs", "drop_tokens"}, "sfsim pretrain"),
}
"""For each kind of file: the keys that no other kind has, and the command that takes it."""


class Source:
    """A file of settings as it was read, or a mapping in its place, with overrides applied.

    All sources compare equal, so that scenarios with the same settings are equal wherever they were read.

    Attributes:
        path: the file; of a mapping, what messages call it.
        data: its plain data, with the overrides.
        lines: the line of each key and list item that is not overridden, counted from 1, by the path of its keys; of a
            mapping, empty.
        overrides: what messages call each override, such as "--set training.rounds=5", by the path of its keys.
    """

    def __init__(
        self, file: Path | str | Mapping[str, Any], overrides: Sequence[str] = (), name: str = "the mapping"
    ) -> None:
        """Read a file and apply overrides.

        Args:
            file: the file, or a mapping with what a file would have.
            overrides: each "KEY=VALUE", such as "world.server.slots=2".
            name: what messages call a mapping.

        Raises:
            ScenarioError: the file is not a YAML mapping, or an override names nothing that can be set.
        """
        self.path = name if isinstance(file, Mapping) else str(file)
        try:
            document = Document(plain(file)) if isinstance(file, Mapping) else yamlfile.read(file)
        except YamlError as error:
            raise ScenarioError(str(error)) from None
        self.data = document.data
        self.lines = document.lines
        self.overrides: dict[KeyPath, str] = {}
        for override in overrides:
            self.override(override)

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Source)

    __hash__ = None  # type: ignore[assignment]

    @property
    def kind(self) -> str | None:
        """The key in ``KINDS`` of the kind of file that its keys show; None if they do not show exactly one."""
        matching = [kind for kind, (keys, _) in KINDS.items() if keys & self.data.keys()]
        return matching[0] if len(matching) == 1 else None

    def check_kind(self, wanted: str) -> None:
        """Raise ``ScenarioError`` if the file is of another kind, instead of an error for each of its keys."""
        if self.kind not in (None, wanted):
            raise ScenarioError(f"{self.path} is a {self.kind}, not a {wanted}: `{KINDS[self.kind][1]}` takes it")

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """Return an error of one line: the place, the key and its value, what is wrong and what is allowed.

        Args:
            loc: the keys; an algorithm by its index or label.
            value: the value in the file; None where the message is better without it.
            problem: what is wrong, in words.
            allowed: what is allowed, in words, if there is a short way to say it.
        """
        loc = self._by_index(loc)
        given = None if value is None else shown(value)
        where = ", ".join(filter(None, (self.path, self.place(loc))))
        return ScenarioError(f"{where}: {told(self.key(loc), given, problem, allowed)}")

    def given(self, loc: KeyPath) -> bool:
        """Return whether the file, or the mapping, or an override gives this key."""
        if any(loc[: len(path)] == path for path in self.overrides):
            return True
        return loc in self.lines if self.lines else _holds(self.data, loc)

    def place(self, loc: KeyPath) -> str:
        """Return the line of a key, or else of the innermost key around it; or the override that set it.

        A mapping has no lines: the text is empty then.
        """
        for end in range(len(loc), -1, -1):
            if loc[:end] in self.overrides:
                return self.overrides[loc[:end]]
            if loc[:end] in self.lines:
                return f"line {self.lines[loc[:end]]}"
        return "line 1" if self.lines else ""

    def line(self, loc: KeyPath) -> int:
        """Return the line of a key, or of the innermost key around it: messages are sorted by it."""
        return next((self.lines[loc[:end]] for end in range(len(loc), -1, -1) if loc[:end] in self.lines), 1)

    def key(self, loc: KeyPath) -> str:
        """Return the dotted key as `--set` takes it, with an algorithm named by its label where that is unique."""
        return keys.dotted(self.data, loc)

    def _by_index(self, loc: KeyPath) -> KeyPath:
        """Return the same keys, with an algorithm's label replaced by its index."""
        if loc[:1] == ("algorithms",) and len(loc) > 1 and loc[1] in (labels := keys.labels(self.data)):
            return ("algorithms", labels.index(str(loc[1])), *loc[2:])
        return loc

    def copy(self) -> "Source":
        """Return a copy that can be changed without changing this source."""
        twin = copy.copy(self)
        twin.data, twin.lines, twin.overrides = copy.deepcopy(self.data), dict(self.lines), dict(self.overrides)
        return twin

    def inside(self, key: str) -> "Source":
        """Return the mapping at a key of this file as a source of its own, with the same lines."""
        twin = copy.copy(self)
        twin.data = copy.deepcopy(self.data[key])
        twin.lines = {loc[1:]: line for loc, line in self.lines.items() if loc[:1] == (key,)}
        twin.overrides = {}
        return twin

    def only(self, index: int) -> "Source":
        """Return a copy with only one of the algorithms, which gets index 0."""
        twin = copy.copy(self)
        twin.data = self.data | {"algorithms": [self.data["algorithms"][index]]}
        twin.lines = dict(_alone(self.lines, index))
        twin.overrides = dict(_alone(self.overrides, index))
        return twin

    def override(self, override: str) -> list[KeyPath]:
        """Apply an override, "KEY=VALUE", and return the places that it sets.

        Raises:
            ScenarioError: it has another form, its value is no YAML, or it names nothing that can be set.
        """
        key, equals, text = override.partition("=")
        if not equals or not key.strip(". "):
            raise ScenarioError(f"--set {override}: write it as KEY=VALUE, such as training.rounds=5")
        try:
            value, _ = yamlfile.parse(text)
            places = self.paths(key.strip())
        except YamlError as error:
            raise ScenarioError(f"--set {override}{error}") from None
        except ScenarioError as error:
            raise ScenarioError(f"--set {override}: {error}") from None
        for path in places:
            self.put(path, value, f"--set {override}")
        return places

    def paths(self, key: str) -> list[KeyPath]:
        """Return the places that a dotted key stands for, as ``keys.paths`` does.

        Raises:
            ScenarioError: a value on the way has no keys, or a list has no such item.
        """
        return keys.paths(self.data, key)

    def at(self, path: KeyPath) -> Any:
        """Return the value at a place; None if there is none."""
        inside: Any = self.data
        for part in path:
            if isinstance(inside, dict):
                inside = inside.get(str(part))
            else:
                inside = inside[part] if isinstance(inside, list) and isinstance(part, int) else None
        return inside

    def put(self, path: KeyPath, value: Any, override: str) -> None:
        """Set a place to a copy of a value.

        Mappings that are missing on the way are added. A link that is given by its name becomes a mapping with that
        name, and a link that is left out one that starts from the usual link, so that it keeps its other figures.

        Args:
            path: the keys of the place, as ``paths`` returns them.
            value: plain data, or what `yamlfile.plain` makes such of.
            override: what messages call the override, such as "--set training.rounds=5".
        """
        inside: Any = self.data
        for end, part in enumerate(path[:-1], 1):
            here = path[:end]
            below = self.at(here)
            if below is None:
                inside[part] = {"link": None} if keys.has_a_usual_link(here) else {}
                self.overrides[here] = override
            elif keys.names_a_link(here, below):
                inside[part] = {"link": below}
            inside = inside[part]
        inside[path[-1]] = copy.deepcopy(plain(value))
        self.lines = {loc: line for loc, line in self.lines.items() if loc[: len(path)] != path}
        self.overrides = {loc: text for loc, text in self.overrides.items() if loc[: len(path)] != path}
        self.overrides[path] = override


def told(key: str, value: str | None, problem: str, allowed: str | None = None) -> str:
    """Return a problem in words, such as "head is 3: it is too much (allowed: 0 to 2)".

    Args:
        key: the dotted key.
        value: the value that was given, as text; None to leave it out.
        problem: what is wrong, in words.
        allowed: what is allowed, in words; None to leave it out.
    """
    key = clipped(key)
    is_what = f" is {value}:" if value is not None else ":"
    may_be = f" (allowed: {allowed})" if allowed else ""
    return f"{key}{is_what} {problem}{may_be}"


def _holds(data: Any, loc: KeyPath) -> bool:
    """Return whether plain data have something at a path of keys."""
    try:
        for part in loc:
            data = data[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _alone(places: Mapping[KeyPath, T], index: int) -> Iterator[tuple[KeyPath, T]]:
    """Yield the items of a mapping by key paths, without those of other algorithms; the one that stays gets index 0."""
    for loc, place in places.items():
        if loc[:1] != ("algorithms",) or len(loc) == 1:
            yield loc, place
        elif loc[1] == index:
            yield ("algorithms", 0, *loc[2:]), place
