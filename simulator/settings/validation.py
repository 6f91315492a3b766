"""The problems that pydantic finds in a file's settings, in words and with their lines."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from simulator.settings.base import CASE
from simulator.settings.errors import Located, ScenarioError, UnfitError
from simulator.settings.wording import near_miss
from simulator.settings.yamlfile import KeyPath


class Lines(Located, Protocol):
    """A file that also knows which keys it gives, and in which order."""

    def given(self, loc: KeyPath) -> bool:
        """Return whether the file or an override gives this key."""

    def line(self, loc: KeyPath) -> int:
        """Return the line by which messages are sorted."""


TINY = 1e-3
"""A lower bound below this one only keeps out what is absurdly close to zero."""
_WANTED = {
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "string_type": "it must be text; put it in quotes",
    "bool_type": "it must be true or false",
    "tuple_type": "it must be a list, such as [0, 1]",
    "list_type": "it must be a list, such as [0, 1]",
    "dict_type": "it must be a mapping of keys to values",
    "model_type": "it must be a mapping of keys to values",
    "finite_number": "it must be a finite number",
    "greater_than": "it must be more than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "too_short": "it must hold at least {min_length}",
    "too_long": "it must hold at most {max_length}",
    "string_too_short": "it must not be empty",
    "missing": "it is missing",
}


def in_words(error: ValidationError, source: Lines) -> ScenarioError:
    """Return one error with all problems of a validation, one line each, in the order of the file."""
    errors = [(_as_written(_where(details)), details) for details in error.errors(include_url=False)]
    in_training = {(loc, details["type"]) for loc, details in errors if loc[:1] == ("training",)}
    messages: dict[str, int] = {}  # each with its line
    for loc, details in errors:
        if (loc[2:], details["type"]) in in_training and not source.given(loc):
            continue  # a problem in the scenario's training, which every algorithm's entry inherits
        if details["type"] == "too_short" and details["input"]:
            continue  # pydantic counts only the items without a problem, and these are reported
        value, problem, allowed = _problem(details)
        messages.setdefault(str(source.error(loc, value, problem, allowed)), source.line(loc))
    return ScenarioError("\n".join(sorted(messages, key=lambda message: messages[message])))


def _as_written(loc: tuple[int | str, ...]) -> KeyPath:
    """Return the keys as the file has them, where a plug-in's keys stand beside ours, not below a key of their own."""
    if (loc[:1] == ("algorithms",) and loc[2:3] == ("algorithm",)) or loc[:2] == ("data", "source"):
        at = 2 if loc[0] == "algorithms" else 1
        loc = loc[:at] + loc[at + 1 :]
    loc = tuple(part for part in loc if not (isinstance(part, str) and part.startswith(CASE)))
    return loc[:-1] if loc[-1:] == ("[key]",) else loc


def _where(details: ErrorDetails) -> tuple[int | str, ...]:
    """Return the keys of a problem; the last of them are those of a validator's ``UnfitError``, if it raised one."""
    raised = details.get("ctx", {}).get("error")
    return (*details["loc"], *raised.path) if isinstance(raised, UnfitError) else details["loc"]


def _problem(details: ErrorDetails) -> tuple[Any, str, str | None]:
    """Return the value, what is wrong with it, and what is allowed."""
    kind, context = details["type"], details.get("ctx", {})
    value = None if kind == "missing" or isinstance(details["input"], dict) else details["input"]
    if kind == "problem":
        return value, context["problem"], context["allowed"]
    if kind == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return value, f"it is not one of those allowed{near_miss(details['input'], allowed.split(', '))}", allowed
    if kind == "value_error":
        raised = context["error"]
        if isinstance(raised, UnfitError):
            return raised.value, raised.problem, raised.allowed
        return value, str(raised), None
    if kind == "greater_than_equal" and 0 < context["ge"] < TINY and details["input"] <= 0:
        kind, context = "greater_than", {"gt": 0}  # of two bounds, the one that is to the point
    if kind in _WANTED:
        return value, _WANTED[kind].format_map(_plain(context)), None
    return value, details["msg"], None


def _plain(context: dict[str, Any]) -> dict[str, Any]:
    """Return the values for a message, with floats in their shortest form and thousands of integers set apart."""
    return {key: _number(value) if isinstance(value, int | float) else value for key, value in context.items()}


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
