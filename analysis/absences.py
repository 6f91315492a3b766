"""Who was away, why, how often and how long: what absences are called, and a small table of a report."""

from __future__ import annotations

_NAMES = {"": "away", "battery": "battery empty"}


def named(cause: str) -> str:
    """Return what an absence is called: "away", "battery empty", "outage", by its cause in the ledger.

    Args:
        cause: the cause; empty in runs of earlier versions.
    """
    return _NAMES.get(cause, cause)
