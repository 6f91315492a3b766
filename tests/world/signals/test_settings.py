"""Each signal by hand, and each wrong setting with one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.scenario.sites import LinkSettings
from simulator.settings.errors import UnfitError
from simulator.settings.seeds import Seeds
from simulator.world.signals.base import Signal, Varying
from simulator.world.signals.trace import Trace


def link(**signal: Any) -> LinkSettings:
    return LinkSettings.model_validate({"rate": "8 Mbit/s", "signal": signal})  # 1e6 bytes/s


def sampled(**signal: Any) -> Varying:
    settings = link(**signal)
    assert settings.signal
    return settings.signal.sample(Seeds(0), "a up", settings.rate)


def values(varying: Varying, *moments: float) -> list[float]:
    return [varying.at(moment) for moment in moments]


def test_a_link_without_signal_and_loss_is_written_as_before() -> None:
    written = LinkSettings.model_validate({"rate": "8 Mbit/s", "signal": None, "loss": 0}).model_dump(mode="json")
    assert written == {"rate": "8 Mbit/s", "latency": "0 s"}


@pytest.mark.parametrize(
    "signal",
    [
        {"name": "markov", "mean_good": "10 s", "mean_bad": "1 s", "bad": 0},
        {"name": "outage", "between": "1 h", "duration": "5 s"},
        {"name": "outage", "windows": [["1 s", "2 s"]]},
        {"name": "periodic", "period": "24 h", "share": 0.4, "low": 0},
        {"name": "trace", "points": [["0 s", "20 Mbit/s"], ["10 s", 0.5], ["20 s", "0 bit/s"]]},
        {"name": "trace", "file": "a.csv", "after": "repeat", "end": "1 h"},
    ],
)
def test_what_is_written_is_read_as_the_same(signal: dict[str, Any]) -> None:
    settings = LinkSettings.model_validate({"rate": "8 Mbit/s", "signal": signal, "loss": 0.25})
    assert LinkSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_a_markov_link_is_good_or_bad() -> None:
    varying = sampled(name="markov", mean_good="1 s", mean_bad="1 s", good=2, bad=0.5)
    assert set(values(varying, *range(100))) == {2, 0.5}


def test_random_outages_stop_a_link() -> None:
    varying = sampled(name="outage", between="1 s", duration="1 s")
    assert set(values(varying, *range(100))) == {1, 0}


def test_outages_in_windows() -> None:
    varying = sampled(name="outage", windows=[["0 s", "1 s"], ["3 s", "4 s"], ["4 s", "5 s"]])
    assert values(varying, 0, 1, 2.9, 3, 4, 4.9, 5, 99) == [0, 1, 1, 0, 0, 0, 1, 1]
    assert varying.next_change(3) == 5


def test_day_and_night() -> None:
    varying = sampled(name="periodic", period="24 h", share=0.25, low=0.5, phase="6 h")
    assert values(varying, *(hour * 3600 for hour in (0, 5, 6, 11, 12, 29, 30, 36))) == [
        0.5,
        0.5,
        1,
        1,
        0.5,
        0.5,
        1,
        0.5,
    ]


def test_a_trace_of_rates_and_factors() -> None:
    varying = sampled(name="trace", points=[["0 s", "4 Mbit/s"], ["2 s", 3], ["4 s", "0 bit/s"], ["5 s", 1]])
    assert values(varying, 0, 2, 4, 5, 1e6) == [0.5, 3, 0, 1, 1]


@pytest.mark.parametrize(("after", "factors"), [("zero", [0, 0, 0]), ("repeat", [2, 1, 2])])
def test_what_holds_after_a_trace(after: str, factors: list[float]) -> None:
    varying = sampled(name="trace", points=[["0 s", 2], ["3 s", 1]], after=after, end="4 s")
    assert values(varying, 0, 3, 3.9) == [2, 1, 1]
    assert values(varying, 4, 7, 8) == factors


def test_that_the_last_value_holds_is_said_unless_the_file_says_it() -> None:
    points = [["0 s", 1], ["90 s", 0]]
    assert list(Trace.model_validate({"points": points, "after": "hold"}).notices()) == []
    (notice,) = Trace.model_validate({"points": points}).notices()
    assert notice == "the trace ends at 90 s, and its last value holds after that (after: hold)"


GOOD = {"name": "markov", "mean_good": "10 s", "mean_bad": "1 s"}
POINTS = [["0 s", 1], ["10 s", 0.5]]


@pytest.mark.parametrize(
    ("signal", "where", "problem"),
    [
        ({"name": "markow"}, "name", 'no signal named "markow"; did you mean "markov"'),
        (GOOD | {"bad": -0.1}, "bad", "greater than or equal to 0"),
        (GOOD | {"bad": float("nan")}, "bad", "finite"),
        (GOOD | {"bad": 1.0}, "bad", "nothing would vary"),
        (GOOD | {"mean_bad": "0 s"}, "mean_bad", "shorter than 1 ms"),
        (GOOD | {"mean_bad": "10 us"}, "mean_bad", "shorter than 1 ms"),
        ({"name": "periodic", "period": "0 s"}, "period", "shorter than 1 ms"),
        ({"name": "periodic", "period": "1 s", "share": 1e-6}, "share", "shorter than 1 ms"),
        ({"name": "periodic", "period": "1 s", "low": 1}, "low", "nothing would vary"),
        ({"name": "outage", "between": "1 s"}, "duration", "it is missing"),
        ({"name": "outage", "between": "1 s", "windows": [["0 s", "1 s"]]}, "between", "leave it out"),
        ({"name": "outage", "windows": [["0 s", "2 s"], ["1 s", "3 s"]]}, "windows.1", "has ended, at 2 s"),
        ({"name": "outage", "windows": [["5 s", "2 s"]]}, "windows.0", "ends before it has begun"),
        ({"name": "outage", "windows": [["5 s", "5 s"]]}, "windows.0", "ends when it begins"),
        ({"name": "outage", "windows": []}, "windows", "at least 1"),
        ({"name": "trace"}, "file", "needs a file, or points"),
        ({"name": "trace", "file": "a.csv", "points": POINTS}, "points", "leave out one of them"),
        ({"name": "trace", "points": []}, "points", "at least 1"),
        ({"name": "trace", "points": [["1 s", 1]]}, "points.0", "must start at 0 s"),
        ({"name": "trace", "points": [*POINTS, ["5 s", 1]]}, "points.2", "runs backwards"),
        ({"name": "trace", "points": [*POINTS, ["10 s", 1]]}, "points.2", "the moment before it is 10 s too"),
        ({"name": "trace", "points": [["0 s", -1]]}, "points.0.1", "a factor of at least 0"),
        ({"name": "trace", "points": [["0 s", float("nan")]]}, "points.0.1", "a factor of at least 0"),
        ({"name": "trace", "points": [["0 s", True]]}, "points.0.1", "a factor of at least 0"),
        ({"name": "trace", "points": [["0 s", "-1 Mbit/s"]]}, "points.0.1", "it is negative"),
        ({"name": "trace", "points": POINTS, "after": "zero"}, "end", "must know until when"),
        ({"name": "trace", "points": POINTS, "end": "20 s"}, "end", "holds for ever"),
        ({"name": "trace", "points": POINTS, "after": "repeat", "end": "10 s"}, "end", "has a point at 10 s"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(signal: dict[str, Any], where: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        link(**signal)
    first = caught.value.errors()[0]
    assert ".".join(map(str, first["loc"])) == f"signal.{where}"
    assert problem in first["msg"]


@pytest.mark.parametrize("loss", [-0.1, 1.0, 2, float("nan"), "1%"])
def test_a_loss_is_a_share_below_one(loss: Any) -> None:
    with pytest.raises(ValidationError, match="loss"):
        LinkSettings.model_validate({"rate": "1 Mbit/s", "loss": loss})


def trace(folder: Path, text: str, **settings: Any) -> Signal:
    file = folder / "trace.csv"
    file.write_text(text, "utf-8")
    return Trace.model_validate({"file": str(file), **settings})


def test_a_file_of_rates_in_bits_or_with_units(tmp_path: Path) -> None:
    signal = trace(tmp_path, "seconds,rate\n0,4e6\n1.5, 16 Mbit/s\n\n3,0\n")
    signal.check()
    assert values(signal.sample(Seeds(0), "a", 1e6), 0, 1.5, 3) == [0.5, 2, 0]


def test_a_file_of_factors_with_a_byte_order_mark(tmp_path: Path) -> None:
    signal = trace(tmp_path, "\ufeffseconds, factor\r\n0,0.5\r\n2,0.5\r\n3,1\r\n")
    varying = signal.sample(Seeds(0), "a", 1e6)
    assert values(varying, 0, 2, 3) == [0.5, 0.5, 1]
    assert varying.next_change(0) == 3


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    assert trace(tmp_path, "seconds,factor\n0,0.5\n").sample(Seeds(0), "a", 1e6).at(0) == 0.5
    assert trace(tmp_path, "seconds,factor\n0,0.25\n").sample(Seeds(0), "a", 1e6).at(0) == 0.25


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: it is empty"),
        ("time,rate\n0,1\n", 'line 1: it begins with "time,rate"'),
        ("seconds,rate\n", "the trace is empty"),
        ("seconds,rate\n0\n", "line 2: it must hold two figures, not 1"),
        ("seconds,rate\n0,fast\n", "line 2: it cannot be read. Write a bandwidth"),
        ("seconds,factor\n0,1 Mbit/s\n", 'line 2: "1 Mbit/s" must be a number of at least 0'),
        ("seconds,factor\n0,1\nlater,1\n", 'line 3: "later" must be a number of at least 0'),
        ("seconds,factor\n0,nan\n", 'line 2: "nan" must be'),
        ("seconds,rate\n0,-8\n", 'line 2: "-8" must be'),
        ("seconds,factor\n0,inf\n", 'line 2: "inf" must be'),
        ("seconds,factor\n5,1\n", "line 2: the trace must start at 0 s"),
        ("seconds,factor\n0,1\n4,1\n3,1\n", "line 4: the trace runs backwards: the moment before it is 4 s"),
        ("seconds,factor\n0,1\n4,1\n4,2\n", "line 4: the moment before it is 4 s too"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UnfitError) as caught:
        trace(tmp_path, text).check()
    assert caught.value.key == "file"
    assert problem in caught.value.problem
    assert "trace.csv" in caught.value.problem


def test_a_file_that_is_not_there_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="No such file"):
        Trace.model_validate({"file": str(tmp_path / "no.csv")}).check()
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UnfitError, match="not a CSV file in UTF-8"):
        Trace.model_validate({"file": str(tmp_path / "bytes.csv")}).check()


def test_a_file_that_goes_on_after_the_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="has a point at 20 s") as caught:
        trace(tmp_path, "seconds,factor\n0,1\n20,0\n", after="zero", end="10 s").check()
    assert caught.value.key == "end"
