"""YAML read as plain data, with the line of every key.

The core schema of YAML 1.2 decides what a plain scalar is: `1e-3` is a number, `on` and `2024-01-01` are text, `010` is
ten. Keys are text, but for the merge key of YAML 1.1: `{<<: *defaults, rounds: 3}` is what `&defaults` names, but for
the rounds. Tags other than those of plain data are refused.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import yaml

from simulator.settings.wording import clipped

KeyPath = tuple[str | int, ...]
MOST_VALUES = 100_000
"""Of a file; nested aliases can turn a few lines into far more."""
MOST_BYTES = 10_000_000
"""Of a file."""
_GAP = re.compile(r" *(#[^\0\r\n\x85\u2028\u2029]*)?")
"""Spaces and a comment, up to the end of a line."""
_pipes: dict[tuple[str, int, int], bytes] = {}  # a pipe can be read only once, and commands look twice


class YamlError(ValueError):
    """A file that cannot be read as plain YAML data; the text is one sentence."""


@dataclass
class Document:
    """A YAML mapping, and the line of each of its keys and list items by path, counted from 1."""

    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)


def read(path: Path | str) -> Document:
    """Read the mapping in a file.

    Raises:
        YamlError: the file is missing, a folder, unreadable, empty, not UTF-8 text, not YAML, no mapping, or not plain
            data. Its text starts with the path and, where there is one, the line.
    """
    try:
        text = _bytes_of(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise YamlError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise YamlError(f"{path}: this is a folder; name a YAML file in it") from None
    except UnicodeDecodeError:
        raise YamlError(f"{path}: this is not a text file in UTF-8") from None
    except OSError as error:
        raise YamlError(f"{clipped(str(path))}: it cannot be read: {error.strerror}") from None
    except YamlError:
        raise
    except ValueError:  # a path that has a character 0 or half of a character in it
        raise YamlError(f"{clipped(str(path))}: no file has such a name") from None
    try:
        value, lines = parse(text)
    except YamlError as error:
        raise YamlError(f"{path}{error}") from None
    if value is None:
        raise YamlError(f"{path}: the file is empty")
    if not isinstance(value, dict):
        raise YamlError(f'{path}, line 1: the file must be a mapping of keys to values, such as "name: quickstart"')
    return Document(value, lines)


def _bytes_of(path: Path | str) -> bytes:
    """Return the contents of a file; of a pipe, such as `<(command)`, what it gave the first time.

    Raises:
        YamlError: it is too large.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        key = (str(path), status.st_dev, status.st_ino) if stat.S_ISFIFO(status.st_mode) else None
        if key in _pipes:
            return _pipes[key]
        contents = file.read(MOST_BYTES + 1)
    if len(contents) > MOST_BYTES:
        raise YamlError(
            f"{path}: the file is too large: it may have {MOST_BYTES // 10**6} MB; keep data in other files"
        )
    if key:
        _pipes[key] = contents
    return contents


def plain(value: Any) -> Any:
    """Return what Python code gives as a value in the plain data that a file would have.

    Mappings become dictionaries, tuples and ranges lists, paths text, and the scalars and arrays of NumPy Python's own
    numbers and lists. Anything else stays as it is: whoever validates it says what is wrong.

    >>> plain({"seeds": range(3), "weights": Path("a") / "b.pt"})
    {'seeds': [0, 1, 2], 'weights': 'a/b.pt'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    return value


def parse(text: str) -> tuple[Any, dict[KeyPath, int]]:
    """Return the plain data in `text`, and the line of every key and list item, counted from 1.

    Raises:
        YamlError: not YAML, or not plain data. Its text starts with ", line N: " or ": ", to follow the file's name.
    """
    try:
        node = yaml.compose(text, _Loader)
        reader = _Reader()
        return (None if node is None else reader.value(node, ())), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{where}: this is not complete, valid YAML: {problem}") from None
    except yaml.reader.ReaderError:
        raise YamlError(": this is not a text file: it has characters that no text has") from None
    except RecursionError:
        raise YamlError(": it is nested too deeply") from None


class _Loader(yaml.SafeLoader):
    """Composes nodes by the rules of YAML 1.2, and constructs no objects."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - SafeLoader's own, of YAML 1.1, must not be shared
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, and count it: a file with too many is refused while it is read, not afterwards."""
        self.nodes += 1
        if self.nodes > 2 * MOST_VALUES:  # a value and its key
            raise YamlError(f", line {self.line + 1}: there are more than {MOST_VALUES} values up to here")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def scan_to_next_token(self) -> None:
        """Skip spaces, comments and line breaks at once; PyYAML does it by single characters, in minutes for 50 MB."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            gap = _GAP.match(self.buffer, self.pointer)
            assert gap is not None  # it may be empty
            length = gap.end() - self.pointer
            self.pointer, self.index, self.column = self.pointer + length, self.index + length, self.column + length
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True


for _tag, _rule, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.?[0-9]*)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_rule})$"), _first)


class _Reader:
    """Turns nodes into plain data, and records the line of each."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._open: set[int] = set()
        self._known: dict[int, list[tuple[yaml.Node, yaml.Node]]] = {}

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the plain data of a node, whose keys are ``path``."""
        self.lines.setdefault(path, _line(node))
        if len(self.lines) > MOST_VALUES or id(node) in self._open:
            raise _error(node, "an alias (*) contains itself, or expands to too much")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self._open.add(id(node))
        plain: Any
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            plain = {}
            for key_node, value_node in self._pairs(node):
                key = _key(key_node)
                if key in plain:
                    raise _error(
                        key_node, f'the key "{clipped(key)}" is given twice, first in line {self.lines[*path, key]}'
                    )
                self.lines[*path, key] = _line(key_node)
                plain[key] = self.value(value_node, (*path, key))
        elif isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            plain = [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            raise _tagged(node)
        self._open.discard(id(node))
        return plain

    def _pairs(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        """Return the pairs of a mapping; those of the mappings that ``<<`` names come first, without keys of its own.

        They are found once for each mapping: lists that merge a mapping several times, one in another, would otherwise
        double the work with each line.
        """
        if id(node) not in self._known:
            self._known[id(node)] = self._merged(node)
        return self._known[id(node)]

    def _merged(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        own = [pair for pair in node.value if not _merges(pair[0])]
        merging = [pair for pair in node.value if _merges(pair[0])]
        if len(merging) > 1:
            first, second = (key for key, _ in merging[:2])
            raise _error(second, f'the key "<<" is given twice, first in line {_line(first)}: name a list of mappings')
        known = {_word(key) for key, _ in own}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for _, named in merging:
            for other in named.value if isinstance(named, yaml.SequenceNode) else [named]:
                if not isinstance(other, yaml.MappingNode):
                    raise _error(named, "<< takes a mapping, such as *defaults, or a list of mappings")
                for pair in self._pairs(other):
                    if _word(pair[0]) not in known:
                        known.add(_word(pair[0]))
                        merged.append(pair)
        return merged + own


def _word(key: yaml.Node) -> str | None:
    """Return the text of a key; None for what is no word, and refused later."""
    return key.value if isinstance(key, yaml.ScalarNode) else None


def _merges(key: yaml.Node) -> bool:
    """Return whether a key is the merge key of YAML 1.1, written without quotes."""
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.style is None


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text = node.value
    if node.tag == "tag:yaml.org,2002:str":
        return _whole(node)
    try:
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int":
                return int(text)
            case "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except (ValueError, KeyError):
        raise _error(node, f"{text[:40]} cannot be read as the number or truth value it should be") from None
    raise _tagged(node)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:merge":
        raise _error(node, "a key must be a word")
    if not node.tag.startswith("tag:yaml.org,2002:") or "/" in node.tag:
        raise _tagged(node)
    return _whole(node)


def _whole(node: yaml.ScalarNode) -> str:
    """Return a text in which the two halves of a character, as JSON escapes them, are one."""
    text = str(node.value)
    try:
        return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:  # a ValueError
        raise _error(node, f'the text "{clipped(text)}" has half of a character (a surrogate)') from None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _tagged(node: yaml.Node) -> YamlError:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return _error(node, f'the tag "{clipped(tag)}" is not allowed here: a scenario is plain data; remove the tag')


def _error(node: yaml.Node, problem: str) -> YamlError:
    return YamlError(f", line {_line(node)}: {problem}")
