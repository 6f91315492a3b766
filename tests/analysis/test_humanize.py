"""Three significant digits and the unit that fits."""

from __future__ import annotations

import math

import pytest

from simulator.settings.humanize import Kind, common_scale, human, human_spread, scale


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("seconds", 0.0, "0 s"),
        ("seconds", 3.2e-7, "0.32 µs"),
        ("seconds", 0.0254, "25.4 ms"),
        ("seconds", 95.0, "95 s"),
        ("seconds", 119.7, "2 min"),
        ("seconds", 3600.0, "60 min"),
        ("seconds", 9000.0, "2.5 h"),
        ("seconds", 4e8, "4,630 d"),
        ("bytes", 12, "12 B"),
        ("bytes", 999_499, "999 kB"),
        ("bytes", 999_960, "1 MB"),
        ("bytes", 1_234_567, "1.23 MB"),
        ("bytes", 0.5, "0.5 B"),
        ("flops", 163.732e9, "164 GFLOP"),
        ("flops", 1e12, "1 TFLOP"),
        ("joules", 0.00123, "1.23 mJ"),
        ("joules", 5512.0, "5.51 kJ"),
        ("count", 650, "650"),
        ("count", 208_000, "208 k"),
        ("fraction", 0.8312, "83.1 %"),
        ("fraction", 1.0, "100 %"),
        ("seconds", None, "–"),
        ("fraction", math.nan, "–"),
    ],
)
def test_numbers_read_as_people_say_them(kind: Kind, value: float | None, text: str) -> None:
    assert human(kind, value) == text


def test_powers_of_a_thousand_are_never_a_unit_too_low() -> None:
    for exponent in range(0, 19, 3):
        assert human("bytes", 10.0**exponent).startswith("1 ")


def test_a_spread_shares_the_unit_and_decimals_of_its_mean() -> None:
    megabytes = scale("bytes", 12.3e6)
    assert human_spread(12.3e6, 0.412e6, megabytes) == "12.3 ± 0.4 MB"
    assert human_spread(12.3e6, 0.0012e6, megabytes) == "12.3 ± 0.001 MB"  # small, but not nothing
    assert human_spread(12.3e6, 0.0, megabytes) == "12.3 MB"
    assert human_spread(12.3e6, 1e-8, megabytes) == "12.3 MB"  # rounding of the sum
    assert human_spread(12.3e6, math.nan, megabytes) == "12.3 MB"


def test_values_near_each_other_share_a_unit() -> None:
    assert common_scale("seconds", [110.0, 150.0, math.nan]) == scale("seconds", 150.0)
    assert common_scale("bytes", [0.0, 5e6]) == scale("bytes", 5e6)
    assert common_scale("bytes", [12.0, 5e6]) is None
    assert common_scale("bytes", [0.2e6, 5e6]) == scale("bytes", 5e6)
    assert common_scale("count", [650.0, 52_000.0]) is None
