"""The plain data of a scenario, what `--set` changed in it, and where in the file each part stands."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from simulator.settings import yamlfile
from simulator.settings.errors import ScenarioError
from simulator.settings.wording import listed, near_miss, shown
from simulator.settings.yamlfile import KeyPath, YamlError

T = TypeVar("T")


KINDS = {
    "scenario": ({"world", "algorithms"}, "sfsim run"),
    "sweep": ({"axes", "zip"}, "sfsim sweep"),
    "recipe of pre-training": ({"epochs", "drop_tokens"}, "sfsim pretrain"),
}
"""Of each kind of file the keys that no other has, and the command that it is for."""


class Source:
    """Where a scenario comes from. Two scenarios that say the same are equal wherever they were read."""

    def __init__(self, path: Path | str, overrides: Sequence[str] = ()) -> None:
        """Reads a file and applies overrides such as `"world.server.slots=2"`.

        Raises:
            ScenarioError: the file is no YAML mapping, or an override names nothing that can be set.
        """
        self.path = str(path)
        try:
            document = yamlfile.read(path)
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
        """Which of ``KINDS`` the file is by its keys, if it is clear."""
        found = [kind for kind, (keys, _) in KINDS.items() if keys & self.data.keys()]
        return found[0] if len(found) == 1 else None

    def check_kind(self, wanted: str) -> None:
        """Raise ``ScenarioError`` if the file is of another kind, which else would be told key by key."""
        if self.kind not in (None, wanted):
            raise ScenarioError(f"{self.path} is a {self.kind}, not a {wanted}: `{KINDS[self.kind][1]}` takes it")

    def error(self, loc: KeyPath, value: Any, problem: str, allowed: str | None = None) -> ScenarioError:
        """One line that names the place, the key and its value, what is wrong and what would be right.

        Args:
            loc: the keys; an algorithm by its index or label.
            value: what stands there; None where the message is better without it.
            problem: in words.
            allowed: in words, where there is a short way to say it.
        """
        loc = self._by_index(loc)
        return ScenarioError(f"{self.path}, {self.place(loc)}: {told(self.key(loc), value, problem, allowed)}")

    def given(self, loc: KeyPath) -> bool:
        """Whether the file or an override says something here."""
        return loc in self.lines or any(loc[: len(path)] == path for path in self.overrides)

    def place(self, loc: KeyPath) -> str:
        """The line of a key, or of what it would stand in; or the override that set it."""
        for end in range(len(loc), -1, -1):
            if loc[:end] in self.overrides:
                return self.overrides[loc[:end]]
            if loc[:end] in self.lines:
                return f"line {self.lines[loc[:end]]}"
        return "line 1"

    def line(self, loc: KeyPath) -> int:
        """What messages are sorted by."""
        return next((self.lines[loc[:end]] for end in range(len(loc), -1, -1) if loc[:end] in self.lines), 1)

    def key(self, loc: KeyPath) -> str:
        """The dotted path as `--set` takes it, algorithms by their labels."""
        words = [str(part) for part in loc]
        if loc[:1] == ("algorithms",) and len(loc) > 1:
            labels = self._labels()
            if isinstance(loc[1], int) and loc[1] < len(labels) and labels.count(labels[loc[1]]) == 1:
                words[1] = labels[loc[1]]
        return ".".join(words) or "the scenario"

    def _by_index(self, loc: KeyPath) -> KeyPath:
        """The same place with an algorithm's label replaced by its index."""
        if loc[:1] == ("algorithms",) and len(loc) > 1 and loc[1] in (labels := self._labels()):
            return ("algorithms", labels.index(str(loc[1])), *loc[2:])
        return loc

    def _labels(self) -> list[str]:
        entries = self.data.get("algorithms")
        if not isinstance(entries, list):
            return []
        return [
            str(entry.get("label") or entry.get("name") or index) if isinstance(entry, dict) else str(index)
            for index, entry in enumerate(entries)
        ]

    def copy(self) -> "Source":
        """The same, to change without changing this one."""
        twin = copy.copy(self)
        twin.data, twin.lines, twin.overrides = copy.deepcopy(self.data), dict(self.lines), dict(self.overrides)
        return twin

    def only(self, index: int) -> "Source":
        """The same with one of the algorithms alone."""
        twin = copy.copy(self)
        twin.data = self.data | {"algorithms": [self.data["algorithms"][index]]}
        twin.lines = dict(_alone(self.lines, index))
        twin.overrides = dict(_alone(self.overrides, index))
        return twin

    def override(self, override: str) -> None:
        """Sets what "KEY=VALUE" says.

        Raises:
            ScenarioError: it names nothing that can be set.
        """
        key, equals, text = override.partition("=")
        if not equals or not key.strip(". "):
            raise ScenarioError(f"--set {override}: write it as KEY=VALUE, such as training.rounds=5")
        try:
            value, _ = yamlfile.parse(text)
        except YamlError as error:
            raise ScenarioError(f"--set {override}{error}") from None
        self.put(key.strip(), value, f"--set {override}")

    def at(self, key: str) -> Any:
        """What stands at a dotted key; None where nothing does.

        Raises:
            ScenarioError: something on the way has no keys, or no such item.
        """
        path: KeyPath = ()
        inside: Any = self.data
        while key:
            part, key = self._step(inside, path, key, key)
            if isinstance(inside, dict) and part not in inside:
                return None
            path, inside = (*path, part), inside[part]
        return inside

    def put(self, key: str, value: Any, override: str) -> None:
        """Sets a dotted key to plain data; ``override`` is how messages call that: "--set training.rounds=5".

        Raises:
            ScenarioError: something on the way has no keys, or no such item.
        """
        path: KeyPath = ()
        inside: Any = self.data
        rest = key
        while True:
            part, rest = self._step(inside, path, rest, override)
            if not rest:
                break
            if isinstance(inside, dict) and inside.get(str(part)) is None:
                inside[str(part)] = {}
                self.overrides[*path, part] = override
            path, inside = (*path, part), inside[part]
        inside[part] = value
        path = (*path, part)
        self.lines = {loc: line for loc, line in self.lines.items() if loc[: len(path)] != path}
        self.overrides = {loc: said for loc, said in self.overrides.items() if loc[: len(path)] != path}
        self.overrides[path] = override

    def _step(self, inside: Any, path: KeyPath, rest: str, override: str) -> tuple[str | int, str]:
        """The next part of a dotted key, and what is left of it."""
        if isinstance(inside, dict):
            part, _, rest = rest.partition(".")
            return part, rest
        here = f"{override}: {self.key(path)}"
        if not isinstance(inside, list):
            raise ScenarioError(f"{here} is {shown(inside)}, which has no keys in it")
        labels = self._labels() if path == ("algorithms",) else []
        for label in sorted(labels, key=len, reverse=True):  # a label may hold dots
            if rest == label or rest.startswith(f"{label}."):
                return labels.index(label), rest[len(label) + 1 :]
        part, _, rest = rest.partition(".")
        if part.isdecimal() and int(part) < len(inside):
            return int(part), rest
        if labels:
            allowed = f"{listed(labels)}, or 0 to {len(inside) - 1}"
            raise ScenarioError(f'{here} has no "{part}"{near_miss(part, labels)} (allowed: {allowed})')
        raise ScenarioError(f"{here} is a list of {len(inside)}: name an item of it by a number from 0, not {part}")


def told(key: str, value: Any, problem: str, allowed: str | None = None) -> str:
    """A problem in words: "head is 3: it is too much (allowed: 0 to 2)"."""
    is_what = f" is {shown(value)}:" if value is not None else ":"
    may_be = f" (allowed: {allowed})" if allowed else ""
    return f"{key}{is_what} {problem}{may_be}"


def _alone(places: Mapping[KeyPath, T], index: int) -> Iterator[tuple[KeyPath, T]]:
    """Those places that do not lie in another algorithm; this one's lie in the first then."""
    for loc, what in places.items():
        if loc[:1] != ("algorithms",) or len(loc) == 1:
            yield loc, what
        elif loc[1] == index:
            yield ("algorithms", 0, *loc[2:]), what
