"""Hostile data and hostile text, drawn at random."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

HUGE = 10**400
# fmt: off
HOSTILE: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 1000, 10**6, 10**9, 10**18, 2**63, 2**64, 10**30, HUGE, -HUGE, float("nan"),
    float("inf"), float("-inf"), 1e308, -1e308, 1e-308, 5e-324, 1e-9, 0.5, 1.0000001, -0.0, 1.5, "", " ", "\t", "\n",
    "a", "a" * 65, "a" * 100_000, "../../x", "../../../../etc/passwd", "/etc/passwd", "~", "~root", "~nobody/x",
    "$HOME", "C:\\x", "con", "NUL", ".", "..", ".hidden", "a/b", "a\\b", "a\0b", "\ud800", "\u202eabc", "日本語",
    "e\u0301", "😀", "<script>alert(1)</script>", '"onerror="x', "{{7*7}}", "=cmd()", "%s%n", "{}", "{0}", "{problem}",
    "[red]x[/red]", "[/]", "20 Mbit/s", "1 Gbps", "1e999 s", "-1 s", "0 s", "nan s", "1" * 5000, "1" * 300 + " W",
    "0 W", "1 " + " " * 2000 + "x y", "1e308 FLOP/s", "1e-300 s", [], {}, [[]], [{}], {"name": "x"}, {"name": None},
    {"name": []}, {"name": {"name": "x"}}, [None] * 3, list(range(1000)), {str(i): i for i in range(300)}, {"": 1},
    {" ": 1}, {"a.b": 1}, {"*": 1}, {"\n": 1}, {"name": "fedavg", "label": "../x"}, {"range": [0, 10**12], "step": 1},
    {"log": [1e-300, 1e300], "points": 10_000}, {"log": [0, 1], "points": 3}, {"range": [1, 2], "points": 10**9},
    {"range": ["1 s", "2 W"], "points": 2}, {"range": [float("nan"), 1], "points": 2},
    {"range": [1, 2], "step": 1e-300}, {"log": ["1e-300 s", "1e300 s"], "points": 50}, "fedavg", "sfprompt",
    "splitfed", "adamw", "sgd", "iid", "dirichlet", "synthetic", "digits", "bundled", "random", "resnet18",
    "vit_tiny_patch16_224",
]
KEYS = [
    "", "name", "label", "training", "world", "algorithms", "seeds", "a" * 70_000, "../x", "日本語", "name ", "NAME",
    "rounds", "count", "*", "a.b", "0", "-1", "null", "true", "<<", "=", "!!str", "\ud800", "{x}", "compression",
    "catalogue", "weights", "keywords", "axes", "zip", "sample", "set", "scenario", "cut", "table", "train",
]
TEXT = [
    "\t", "\r", "\0", "\x85", "\u2028", "\ufeff", "&a ", "*a", "<<: *a\n",
    "!!python/object/apply:os.system ['touch pwned'] ", "!!binary aGk= ", "!!set {a} ", "!!timestamp 2001-01-01 ",
    "!!omap [] ", "!foo ", "!!int ", "!!float ", "!!bool ", "!!null ", "!<tag:yaml.org,2002:python/name:os.system> ",
    "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "? ", ": ", "- ", "{", "}", "[", "]", ",", "'", '"', "|", ">", "#",
    "@", "`", "\\", "\x1b[31m", "é", "😀", "\n", "  ", "0x10", "0o7", "1_000", "1:30", "~", ".inf", "-.inf", ".nan",
    "1e400", "9" * 5000, "*" * 50, "&x *x", "[" * 200, "{a: " * 200,
]
# fmt: on


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within some data, to the data themselves too."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


class Hostile:
    """Makes data, text and bytes hostile.

    Attributes:
        random: what it draws from; who wants the same again seeds it.
    """

    def __init__(self) -> None:
        self.random = random.Random()

    def value(self) -> Any:
        return copy.deepcopy(self.random.choice(HOSTILE))

    def nested(self, depth: int) -> Any:
        value: Any = self.random.choice(HOSTILE[:30])
        for _ in range(depth):
            value = [value] if self.random.random() < 0.5 else {"a": value}
        return value

    def mutated(self, data: Any) -> Any:
        """The data after a few changes, made in place."""
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 8])):
            found = [path for path in places(data) if path]
            if not found:
                break
            self._mutate(data, found)
        return data

    def _mutate(self, data: Any, found: list[tuple[Any, ...]]) -> None:
        path = self.random.choice(found)
        inside, key = at(data, path[:-1]), path[-1]
        what = self.random.randrange(11)
        if what <= 4:
            inside[key] = self.value()
        elif what == 5:
            del inside[key]
        elif what == 6 and isinstance(inside, dict):
            inside[self.random.choice(KEYS)] = inside.pop(key)
        elif what == 7 and isinstance(inside, dict):
            inside[self.random.choice(KEYS)] = self.value()
        elif what == 8:
            deep = self.nested(self.random.choice([3, 30, 90]))
            inside[key] = self.random.choice([[inside[key]], {"name": inside[key]}, {"a": inside[key]}, deep])
        elif what == 9:
            with suppress(KeyError, IndexError, TypeError):
                inside[key] = copy.deepcopy(at(data, self.random.choice(found)))
        elif isinstance(inside, list):
            inside += [copy.deepcopy(inside[key]) for _ in range(self.random.choice([1, 3, 50]))]

    def mutated_text(self, text: str) -> str:
        """The text after a few changes, cut off where it becomes too long."""
        for _ in range(self.random.choice([1, 1, 2, 5, 20])):
            place = self.random.randrange(len(text) + 1)
            what = self.random.randrange(7)
            if what <= 2:
                text = text[:place] + self.random.choice(TEXT) + text[place:]
            elif what == 3:
                text = text[:place] + text[place + self.random.randrange(1, 30) :]
            elif what == 4:
                lines = text.splitlines(keepends=True) or [""]
                lines.insert(self.random.randrange(len(lines) + 1), self.random.choice(lines))
                text = "".join(lines)
            elif what == 5:
                text = text[: place + 1]
            else:
                old = self.random.choice([":", ",", "-", "{", "}", " ", "0", "1"])
                text = text.replace(old, self.random.choice([*TEXT, ""]), self.random.choice([1, 3, -1]))
        return text[:300_000]

    def encoded(self, text: str) -> bytes:
        """The text as bytes, now and then in another encoding or damaged."""
        how = self.random.randrange(40)
        with suppress(UnicodeError, IndexError):
            if how == 0:
                return text.encode("utf-16")
            if how == 1:
                return text.encode("utf-32")
            if how == 2:
                return text.encode("latin-1", "replace") + b"\xff\xfe"
            if how == 3:
                return b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass")
            if how == 4:
                return text.replace("\n", "\r\n").encode("utf-8", "surrogatepass")
            if how == 5:
                return self.random.randbytes(self.random.randrange(1, 3000))
            if how == 6:
                damaged = bytearray(text.encode("utf-8", "surrogatepass"))
                for _ in range(10):
                    damaged[self.random.randrange(len(damaged))] = self.random.randrange(256)
                return bytes(damaged)
        return text.encode("utf-8", "surrogatepass")

    def dumped(self, data: Any) -> str:
        """The data as JSON or as YAML."""
        try:
            if self.random.random() < 0.5:
                return json.dumps(data, ensure_ascii=True)
            return str(yaml.safe_dump(data, allow_unicode=self.random.random() < 0.5))
        except (ValueError, RecursionError, yaml.YAMLError):
            return json.dumps(data, default=str)
