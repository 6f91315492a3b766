"""What a model learns to predict: its loss, the error of a sample, and its measures; one file for each task of data."""

from __future__ import annotations

from simulator.learning.objectives.base import Objective
from simulator.learning.objectives.classification import Classification
from simulator.learning.objectives.multiple_choice import MultipleChoice
from simulator.learning.objectives.next_token import NextToken

__all__ = ["OBJECTIVES", "Classification", "MultipleChoice", "NextToken", "Objective"]

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective for objective in (Classification(), NextToken(), MultipleChoice())
}
"""Each objective by the name of the task, as data sets give it."""
