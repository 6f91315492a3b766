"""The verdict of a comparison in sentences: who comes first, at what cost, how sure that is, and what would change it.

Consoles, reports, notebooks and sweeps say these same sentences. What reads runs and sweeps is imported when it is
first used: a plan has a verdict too, and reads neither.
"""

from typing import TYPE_CHECKING, Any

from analysis.verdict.base import Verdict

if TYPE_CHECKING:
    from analysis.verdict.of_run import verdict_of_run
    from analysis.verdict.of_sweep import verdict_of_sweep

__all__ = ["Verdict", "verdict_of_run", "verdict_of_sweep"]


def __getattr__(name: str) -> Any:
    if name == "verdict_of_run":
        from analysis.verdict.of_run import verdict_of_run

        return verdict_of_run
    if name == "verdict_of_sweep":
        from analysis.verdict.of_sweep import verdict_of_sweep

        return verdict_of_sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
