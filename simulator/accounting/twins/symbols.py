"""Numbers that are not known yet, with which the twins' formulas become programs that a page can run.

A twin computes with whatever numbers it is given. Given symbols, it writes down each sum, product and maximum, and what
comes out is its own formula as a list of instructions (``Program``), which ``run`` and the page of a report evaluate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Number = Any
"""A number or a symbol."""


class Symbol:
    """A number that a program computes.

    Args:
        script: the script that it is a line of.
        line: its line.
    """

    __slots__ = ("line", "script")

    def __init__(self, script: Script, line: int) -> None:
        self.script, self.line = script, line

    def __add__(self, other: Number) -> Number:
        if _is(other, 0):
            return self
        return self.script.line("+", self, other)

    def __radd__(self, other: Number) -> Number:
        return self + other

    def __sub__(self, other: Number) -> Number:
        return self if _is(other, 0) else self.script.line("-", self, other)

    def __rsub__(self, other: Number) -> Number:
        return self.script.line("-", other, self)

    def __mul__(self, other: Number) -> Number:
        if isinstance(other, tuple):  # a twin's load, which multiplies its own parts
            return NotImplemented
        if _is(other, 0):
            return 0
        return self if _is(other, 1) else self.script.line("*", self, other)

    def __rmul__(self, other: Number) -> Number:
        return self * other

    def __truediv__(self, other: Number) -> Number:
        return self.script.line("/", self, other)

    def __rtruediv__(self, other: Number) -> Number:
        return 0 if _is(other, 0) else self.script.line("/", other, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and (other.script, other.line) == (self.script, self.line)

    def __hash__(self) -> int:
        return hash((id(self.script), self.line))

    def __bool__(self) -> bool:
        raise TypeError("a symbol has no value yet, so that nothing can be decided by it")

    def __lt__(self, other: object) -> bool:
        raise TypeError("a symbol has no value yet: compare with ``largest`` or ``smallest``")

    __gt__ = __le__ = __ge__ = __lt__


class Program(NamedTuple):
    """A formula as instructions, in an order in which each uses earlier ones only.

    Attributes:
        lines: the instructions. The first word of each says what it does: ``=`` has a number; ``in`` an input by its
            name; ``+ - * / max min floor`` take earlier lines by their numbers; ``of`` looks a value up, by the number
            of a table and one or two lines that are indices into it.
        outputs: by name, the number of a line.
    """

    lines: tuple[tuple[Any, ...], ...]
    outputs: Mapping[str, int]


class Script:
    """Writes a program down, each instruction once.

    Attributes:
        tables: the tables of numbers that its programs look values up in; several scripts may share them.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()
        self._lines: dict[tuple[Any, ...], int] = {}

    def input(self, name: str) -> Symbol:
        """Return what a user of the program gives under this name."""
        return self._at("in", name)

    def line(self, word: str, *numbers: Number) -> Symbol:
        """Return the result of an instruction on symbols or numbers."""
        return self._at(word, *(self._number(number) for number in numbers))

    def of(self, table: Sequence[Any], *indices: Number) -> Number:
        """Return the value of a table, a list or a list of lists, at indices; a number if all its values are equal."""
        flat = list(table) if len(indices) == 1 else [value for row in table for value in row]
        if len(set(flat)) == 1:
            return flat[0]
        return self._at("of", self.tables.add(table), *(self._number(index) for index in indices))

    def program(self, **outputs: Number) -> Program:
        """Return the program that computes these outputs, without lines that none of them needs."""
        wanted = {name: self._number(output) for name, output in outputs.items()}
        lines = list(self._lines)
        needed: set[int] = set()
        waiting = list(wanted.values())
        while waiting:
            if (number := waiting.pop()) not in needed:
                needed.add(number)
                waiting += _used(lines[number])
        places = {number: place for place, number in enumerate(sorted(needed))}
        kept = tuple(_moved(lines[number], places) for number in sorted(needed))
        return Program(kept, {name: places[number] for name, number in wanted.items()})

    def _number(self, number: Number) -> int:
        return number.line if isinstance(number, Symbol) else self._at("=", number).line

    def _at(self, *words: Any) -> Symbol:
        return Symbol(self, self._lines.setdefault(words, len(self._lines)))


class Tables:
    """Tables of numbers, each of which is kept once.

    Attributes:
        rows: the tables, in the order of their numbers.
    """

    def __init__(self) -> None:
        self.rows: list[Sequence[Any]] = []
        self._known: dict[Any, int] = {}

    def add(self, table: Sequence[Any]) -> int:
        """Return the number of a table, which is added if it is new."""
        key = tuple(tuple(row) if isinstance(row, Sequence) else row for row in table)
        if key not in self._known:
            self._known[key] = len(self.rows)
            self.rows.append(table)
        return self._known[key]


def largest(*numbers: Number) -> Number:
    """Return the largest number, or the symbol of it if some are symbols.

    >>> largest(2.0, 3.0)
    3.0
    """
    return _extreme("max", max, numbers)


def smallest(*numbers: Number) -> Number:
    """Return the smallest number, or the symbol of it if some are symbols."""
    return _extreme("min", min, numbers)


def floor(number: Number) -> Number:
    """Return the largest whole number that is not above a number, or the symbol of it."""
    return number.script.line("floor", number) if isinstance(number, Symbol) else math.floor(number)


def total(numbers: Iterable[Number]) -> Number:
    """Return the sum of numbers, rounded once, or the symbol of it if some are symbols."""
    listed = list(numbers)
    return sum(listed) if any(isinstance(number, Symbol) for number in listed) else math.fsum(listed)


def run(program: Program, tables: Sequence[Any], **inputs: float) -> dict[str, float]:
    """Return the outputs of a program.

    Args:
        program: the program.
        tables: its tables.
        inputs: by name, what it asks for.
    """
    values: list[float] = []
    for word, *rest in program.lines:
        values.append(_value(word, rest, values, tables, inputs))
    return {name: values[line] for name, line in program.outputs.items()}


def _value(
    word: str, rest: list[Any], values: list[float], tables: Sequence[Any], inputs: Mapping[str, float]
) -> float:
    if word == "=":
        return float(rest[0])
    if word == "in":
        return float(inputs[rest[0]])
    if word == "of":
        found = tables[rest[0]]
        for line in rest[1:]:
            found = found[int(values[line])]
        return float(found)
    numbers = [values[line] for line in rest]
    match word:
        case "+":
            return numbers[0] + numbers[1]
        case "-":
            return numbers[0] - numbers[1]
        case "*":
            return numbers[0] * numbers[1]
        case "/":
            return numbers[0] / numbers[1]
        case "max":
            return max(numbers)
        case "min":
            return min(numbers)
        case "floor":
            return math.floor(numbers[0])
    raise ValueError(f"there is no instruction {word!r}")


def _extreme(word: str, function: Any, numbers: tuple[Number, ...]) -> Number:
    distinct = list(dict.fromkeys(numbers))
    script = next((number.script for number in distinct if isinstance(number, Symbol)), None)
    if script is None or len(distinct) == 1:
        return distinct[0] if len(distinct) == 1 else function(distinct)
    return script.line(word, *distinct)


def _is(number: Number, value: float) -> bool:
    return not isinstance(number, Symbol) and number == value


def _used(line: tuple[Any, ...]) -> list[int]:
    """Return the numbers of the lines that an instruction uses."""
    return [] if line[0] in ("=", "in") else list(line[2:] if line[0] == "of" else line[1:])


def _moved(line: tuple[Any, ...], places: Mapping[int, int]) -> tuple[Any, ...]:
    """Return an instruction with the new numbers of the lines that it uses."""
    kept = len(line) - len(_used(line))
    return (*line[:kept], *(places[number] for number in line[kept:]))
