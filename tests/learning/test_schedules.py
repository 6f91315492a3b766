"""Learning rates by hand."""

import math
from contextlib import nullcontext

import pytest

from simulator.learning.schedules.base import Schedule
from simulator.learning.schedules.constant import Constant
from simulator.learning.schedules.cosine import Cosine
from simulator.learning.schedules.step import Step
from simulator.settings.errors import UnfitError


def factors(schedule: Constant | Cosine | Step, rounds: int) -> list[float]:
    return [schedule.factor(number, rounds) for number in range(1, rounds + 1)]


def test_constant() -> None:
    assert factors(Constant(), 3) == [1, 1, 1]


def test_cosine_begins_at_one_and_falls_along_half_a_wave() -> None:
    wanted = [1.0, 0.5 * (1 + math.cos(math.pi / 4)), 0.5, 0.5 * (1 + math.cos(3 * math.pi / 4))]
    assert factors(Cosine(), 4) == pytest.approx(wanted)


def test_cosine_down_to_a_floor() -> None:
    assert factors(Cosine(floor=0.2), 2) == pytest.approx([1.0, 0.2 + 0.8 * 0.5])


def test_cosine_after_a_warm_up() -> None:
    assert factors(Cosine(warmup=3), 5) == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.5])


def test_a_warm_up_as_long_as_the_run() -> None:
    assert factors(Cosine(warmup=5), 3) == pytest.approx([1 / 6, 2 / 6, 3 / 6])


@pytest.mark.parametrize(("warmup", "fits"), [(0, True), (2, True), (3, False), (9, False)])
def test_a_warm_up_fits_if_some_round_has_the_whole_rate(warmup: int, fits: bool) -> None:
    schedule = Cosine(warmup=warmup)
    assert fits == (max(factors(schedule, 3)) == 1)
    with nullcontext() if fits else pytest.raises(UnfitError, match="the full rate is never reached"):
        schedule.check(3)


def test_a_schedule_of_before_is_told_the_new_name_of_its_check() -> None:
    with pytest.raises(TypeError, match="unfit is called check now"):
        type("Old", (Schedule,), {"unfit": lambda self, rounds: None})


def test_step() -> None:
    assert factors(Step(every=2, gamma=0.5), 5) == [1, 1, 0.5, 0.5, 0.25]
