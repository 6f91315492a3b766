"""Whether a run has personal models, without which personal accuracies only weigh one model's by classes."""

from __future__ import annotations

import pandas as pd

MODELS = "personal_models"
"""How many distinct models the devices of a trial use, a column of the summary."""


def has_personal_models(summary: pd.DataFrame) -> bool | None:
    """Return whether devices have models of their own with any algorithm; None if the runs do not tell."""
    models = summary[MODELS].dropna() if MODELS in summary else pd.Series(dtype="float64")
    if (models > 1).any():
        return True
    return False if len(models) else None
