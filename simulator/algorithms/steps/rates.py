"""Learning rates of an algorithm's own: a number, or a multiple of the rate of the optimizer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from simulator.settings.bounds import MOST_RATE

if TYPE_CHECKING:
    from simulator.learning.optimizers.base import Optimizer

_MULTIPLE = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?x")


def _rate(value: Any) -> float | str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 < value <= MOST_RATE:
        return float(value)
    if isinstance(value, str) and _MULTIPLE.fullmatch(value) and 0 < float(value[:-1]) <= MOST_RATE:
        return value
    if number and value > MOST_RATE:
        raise ValueError(f"it must be at most {MOST_RATE:,}")
    raise ValueError("it must be a number above 0, a multiple of the optimizer's learning rate such as 4x, or null")


Rate = Annotated[
    float | str,
    PlainValidator(_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_RATE},
                {"type": "string", "pattern": f"^{_MULTIPLE.pattern}$"},
            ]
        }
    ),
]
"""A learning rate: a number, or text such as "4x", four times the optimizer's own."""


def base_rate(rate: float | str | None, optimizer: Optimizer) -> float:
    """Return a learning rate before the schedule as a number.

    Args:
        rate: a number, a multiple such as "4x", or None: the optimizer's own.
        optimizer: the optimizer.
    """
    if isinstance(rate, str):
        return float(rate[:-1]) * optimizer.learning_rate
    return optimizer.learning_rate if rate is None else rate
