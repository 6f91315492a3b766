"""Learning rates of an algorithm's own: numbers, multiples of the optimizer's, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.steps.rates import base_rate
from simulator.learning.optimizers.sgd import Sgd


@pytest.mark.parametrize(("rate", "expected"), [(0.3, 0.3), ("4x", 0.2), ("0.5x", 0.025), ("10x", 0.5), (None, 0.05)])
def test_a_number_stands_for_itself_and_a_multiple_for_a_share_of_the_optimizers(rate: Any, expected: float) -> None:
    algorithm = SFPrompt.model_validate({"local_learning_rate": rate})
    assert base_rate(algorithm.local_learning_rate, Sgd.model_validate({"learning_rate": 0.05})) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("rate", [0, -1.0, True, float("nan"), "4", "x", "0x", "-2x", "4 x", "4xx", [4]])
def test_what_is_no_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ValidationError, match="a multiple of the optimizer's learning rate such as 4x, or null"):
        SFPrompt.model_validate({"split_learning_rate": rate})


@pytest.mark.parametrize("rate", [float("inf"), 1e6 + 1, 10**30])
def test_what_no_training_survives_is_refused(rate: float) -> None:
    with pytest.raises(ValidationError, match="it must be at most 1,000,000"):
        SFPrompt.model_validate({"split_learning_rate": rate})
