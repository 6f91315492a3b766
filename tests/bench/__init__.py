"""Measurements, not tests: ``make bench`` and ``make bench-learning`` print JSON lines."""

import json
from typing import Any


def report(name: str, value: float, **beside: Any) -> None:
    """One line on stdout."""
    print(json.dumps({"name": name, "value": value, **beside}), flush=True)
