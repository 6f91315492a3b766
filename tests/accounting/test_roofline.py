"""Seconds of operations: each as long as its arithmetic or its memory traffic, by hand and against a plain sum."""

import math
import random

import pytest

from simulator.accounting.costs import Cost, Piece
from simulator.accounting.roofline import Operation, Operations
from simulator.world.hardware import Hardware

PRODUCT, NORM = Operation(flops=1000, bytes=10), Operation(flops=0, bytes=80)


@pytest.mark.parametrize(
    ("operations", "seconds"),
    [
        ([PRODUCT], 10.0),  # 1000 FLOPs at 100 a second hide 10 bytes at 4 a second
        ([NORM], 20.0),
        ([PRODUCT, NORM], 30.0),  # they follow one another
        ([PRODUCT, PRODUCT, NORM], 40.0),
        ([Operation(100, 4)], 1.0),  # both take as long
        ([Operation(0, 0)], 0.0),
        ([], 0.0),
    ],
)
def test_seconds_by_hand(operations: list[Operation], seconds: float) -> None:
    assert Operations(operations).seconds(100.0, 4.0) == seconds


def test_a_processor_copies_and_a_gpu_does_not() -> None:
    convolution = Operations([Operation(1000, 10, copied=40)])
    assert convolution.seconds(100.0, 4.0) == 10.0
    assert convolution.seconds(100.0, 4.0, copies=True) == 20.0


def test_without_a_memory_limit_only_arithmetic_counts() -> None:
    assert Operations([PRODUCT, NORM]).seconds(100.0, math.inf, copies=True) == 10.0


def test_any_row_of_operations_takes_the_sum_of_what_each_takes() -> None:
    draw = random.Random(0)
    for _ in range(200):
        rows = [Operation(draw.randrange(10**6), draw.randrange(10**6), draw.randrange(100)) for _ in range(30)]
        rate, bandwidth = draw.uniform(1, 100), draw.uniform(1, 100)
        plain = sum(max(flops / rate, touched / bandwidth) + copied / bandwidth for flops, touched, copied in rows)
        assert Operations(rows).seconds(rate, bandwidth, copies=True) == pytest.approx(plain, rel=1e-12)


def test_the_order_of_operations_does_not_matter() -> None:
    assert Operations([PRODUCT, NORM]) == Operations([NORM, PRODUCT])
    assert hash(Operations([PRODUCT, NORM])) == hash(Operations([NORM, PRODUCT]))
    assert Operations([PRODUCT, NORM]) != Operations([PRODUCT])


def test_half_as_wide_numbers_take_half_as_long_to_move() -> None:
    cost = Cost(0, 80, made_of=(Piece("norm", 1, 0, 80, Operations([NORM])),))
    assert Hardware(100.0, 4.0).seconds(cost) == 20.0
    assert Hardware(100.0, 4.0, width=0.5).seconds(cost) == 10.0
    assert Hardware(100.0, 4.0, width=0.5).seconds(Cost(bytes_touched=80)) == 10.0


def test_what_is_in_no_piece_is_one_operation() -> None:
    piece = Piece("product and norm", 1, 1000, 90, Operations([PRODUCT, NORM]))
    assert Hardware(100.0, 4.0).seconds(Cost(1100, 130, made_of=(piece,))) == 40.0  # 30 s, and 40 bytes' 10 s
