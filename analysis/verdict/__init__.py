"""The verdict of a comparison in sentences: who comes first, at what cost, how sure that is, and what would change it.

Consoles, reports, notebooks and sweeps say these same sentences.
"""

from analysis.verdict.base import Verdict
from analysis.verdict.of_run import verdict_of_run
from analysis.verdict.of_sweep import verdict_of_sweep

__all__ = ["Verdict", "verdict_of_run", "verdict_of_sweep"]
