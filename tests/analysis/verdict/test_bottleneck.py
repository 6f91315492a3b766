"""What would put another algorithm level with the first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.verdict.bottleneck import REACH, flips

SECONDS = {"A": 100.0, "B": 150.0}
SHARES = {"A": {"link": 0.8, "device": 0.2}, "B": {"link": 0.2, "device": 0.7, "server": 0.1}}


def test_by_hand() -> None:
    """A: 80 s on links and 20 s on devices. B: 30, 105 and 15. Links f times as fast: 80 / f + 20 = 30 / f + 120."""
    found = {flip.side: flip.factor for flip in flips(SECONDS, SHARES, "A")}
    assert found["link"] == pytest.approx(0.5)
    assert found["device"] == pytest.approx((105 - 20) / (80 - 45))
    assert "server" not in found, "B would have to wait a negative time"


@given(
    st.tuples(st.floats(1, 1e3), st.floats(1, 1e3)),
    st.lists(st.floats(0.01, 1), min_size=6, max_size=6),
)
def test_at_the_factor_both_take_as_long(seconds: tuple[float, float], parts: list[float]) -> None:
    sides = ("link", "device", "server")
    shares = {
        label: dict(zip(sides, (part / sum(own) for part in own), strict=True))
        for label, own in (("A", parts[:3]), ("B", parts[3:]))
    }
    costs = dict(zip("AB", seconds, strict=True))
    for flip in flips(costs, shares, "A"):
        assert 1 / REACH <= flip.factor <= REACH
        a, b = (costs[name] * (1 - shares[name][flip.side] * (1 - 1 / flip.factor)) for name in "AB")
        assert a == pytest.approx(b, rel=1e-6, abs=1e-6 * max(seconds))


def test_a_label_without_paths_is_left_out() -> None:
    assert not list(flips(SECONDS, {"A": SHARES["A"]}, "A"))
