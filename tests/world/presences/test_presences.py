"""When devices are there: what is drawn, what is read from files, and what is refused."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.settings.errors import UnfitError
from simulator.settings.plugins import PRESENCES
from simulator.settings.seeds import Seeds
from simulator.world.presences.base import Attendance

ON_OFF = {"name": "on_off", "mean_present": "10 s", "mean_absent": "5 s"}


def sampled(data: dict[str, Any], device: str = "phone-0", seed: int = 0) -> Attendance:
    presence: Any = PRESENCES.read(data)
    attendance: Attendance = presence.sample(device, Seeds(seed))
    return attendance


def changes(attendance: Attendance, until: float = 1000.0) -> list[float]:
    moments, t = [], attendance.next_change(0.0)
    while t < until:
        moments.append(t)
        t = attendance.next_change(t)
    return moments


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        PRESENCES.read(data)
    (problem,) = error.value.errors()
    return str(problem["ctx"]["error"])


def test_always_is_always() -> None:
    always = sampled({"name": "always"})
    assert always.at(0.0)
    assert always.next_change(0.0) == inf
    assert always.expected_stay(1e9) == inf


@given(seed=st.integers(0, 999), asked=st.lists(st.floats(0, 500), max_size=8))
def test_what_is_asked_in_which_order_changes_nothing(seed: int, asked: list[float]) -> None:
    first, second = sampled(ON_OFF, seed=seed), sampled(ON_OFF, seed=seed)
    answers = [(first.at(t), first.next_change(t), first.expected_stay(t)) for t in asked]
    backwards = [(second.at(t), second.next_change(t), second.expected_stay(t)) for t in reversed(asked)]
    assert answers == backwards[::-1]


@settings(max_examples=30)
@given(seed=st.integers(0, 999))
def test_an_on_off_device_changes_at_each_change_and_at_no_other_time(seed: int) -> None:
    attendance = sampled(ON_OFF, seed=seed)
    moments = [0.0, *changes(attendance, 200.0)]
    for before, after in pairwise(moments):
        assert attendance.at(before) == attendance.at((before + after) / 2) != attendance.at(after)


def test_devices_and_seeds_differ() -> None:
    kinds = [(device, seed) for device in ("a", "b") for seed in (0, 1)]
    assert len({sampled(ON_OFF, device, seed).next_change(0.0) for device, seed in kinds}) == 4


def test_spells_have_the_means_that_were_asked_for() -> None:
    """Some 6,700 spells of each kind: a mean is off by 1.2 % of itself in a standard deviation."""
    attendance = sampled({**ON_OFF, "start": "present"})
    moments = [0.0, *changes(attendance, 100_000.0)]
    spells = [after - before for before, after in pairwise(moments)]
    assert sum(spells[::2]) / len(spells[::2]) == pytest.approx(10, rel=0.06)
    assert sum(spells[1::2]) / len(spells[1::2]) == pytest.approx(5, rel=0.06)


def test_as_many_are_there_at_first_as_are_there_on_average() -> None:
    """Of 2,000 devices two thirds: 1,333, with a standard deviation of 21."""
    there = sum(sampled(ON_OFF, f"phone-{number}").at(0.0) for number in range(2000))
    assert abs(there - 1333) < 6 * 21


@pytest.mark.parametrize(("start", "there"), [("present", True), ("absent", False)])
def test_all_can_be_there_at_first_or_none(start: str, there: bool) -> None:
    assert all(sampled({**ON_OFF, "start": start}, str(n)).at(0.0) == there for n in range(9))


def test_an_on_off_device_without_memory_expects_to_stay_for_a_mean_spell() -> None:
    attendance = sampled({**ON_OFF, "start": "present"})
    leaves = attendance.next_change(0.0)
    assert [attendance.expected_stay(t) for t in (0.0, leaves / 2, leaves)] == [10.0, 10.0, 0.0]


def test_the_days_of_devices_are_shifted_by_at_most_the_spread() -> None:
    night = {"name": "day_night", "begin": "22 h", "end": "6 h", "spread": "2 h"}
    ends = [sampled(night, str(n)).next_change(86_400.0) - 86_400 for n in range(200)]
    assert 4 * 3600 <= min(ends) < 4.2 * 3600
    assert 7.8 * 3600 < max(ends) <= 8 * 3600


def test_without_a_spread_all_come_at_the_same_hour() -> None:
    night = {"name": "day_night", "begin": "22 h", "end": "6 h"}
    assert {sampled(night, str(n)).next_change(12 * 3600.0) for n in range(9)} == {22 * 3600.0}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"begin": "25 h", "end": "6 h"}, "a day has no such hour (allowed: 0 h to 24 h)"),
        ({"begin": "6 h", "end": "6 h"}, "it is the hour at which the device comes: it would never leave"),
        ({"begin": "6 h", "end": "8 h", "spread": "13 h"}, "a day shifted by more than half a day is another day"),
    ],
)
def test_a_day_that_is_none_is_refused(data: dict[str, str], said: str) -> None:
    assert said in refusal({"name": "day_night", **data})


def trace(folder: Path, text: str, **more: Any) -> dict[str, Any]:
    file = folder / "trace.csv"
    file.write_text(text)
    return {"name": "trace", "file": str(file), **more}


PHONES = "device,start,end\na,0,10\nb,5,20\na,30,40\n"


def test_each_device_follows_its_own_rows(tmp_path: Path) -> None:
    data = trace(tmp_path, PHONES)
    assert changes(sampled(data, "a")) == [10, 30, 40]
    assert changes(sampled(data, "b")) == [5, 20]


def test_a_trace_without_devices_is_that_of_all(tmp_path: Path) -> None:
    data = trace(tmp_path, "start,end\n1,2\n")
    assert changes(sampled(data, "a")) == changes(sampled(data, "b")) == [1, 2]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, [10, 30, 40]),
        ({"after": "absent"}, [10, 30, 40]),
        ({"after": "present"}, [10, 30]),
        ({"after": "repeat"}, [10, 30, 50, 70, 90]),  # the end of a cycle is the beginning of the next
        ({"after": "repeat", "period": "50 s"}, [10, 30, 40, 50, 60, 80, 90]),
    ],
)
def test_what_holds_after_the_end_of_a_trace(tmp_path: Path, more: dict[str, str], found: list[float]) -> None:
    assert changes(sampled(trace(tmp_path, PHONES, **more), "a"), 100.0) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "its first line must be device,start,end or start,end"),
        ("", "its first line must be device,start,end or start,end"),
        ("start,end\n", "it has no rows"),
        ("start,end\n1,2\n3\n", "line 3 has 1 values, and the header has 2"),
        ("start,end\n1,x\n", "line 2: start and end must be numbers (seconds), not 1, x"),
        ("start,end\n3,2\n", "line 2: a stay ends at 2 s, which is not after its start at 3 s"),
        ("start,end\n2,2\n", "line 2: a stay ends at 2 s, which is not after its start at 2 s"),
        ("start,end\n5,6\n1,2\n", "line 3: they run backwards: a stay starts at 1 s, after one that starts at 5 s"),
        ("start,end\n5,9\n7,10\n", "line 3: stays overlap: one starts at 7 s, before the one above it ends at 9 s"),
        ("start,end\n-1,2\n", "is not within a trial: give finite seconds, 0 or more"),
        ("start,end\nnan,2\n", "is not within a trial: give finite seconds, 0 or more"),
        ("start,end\n1,inf\n", "is not within a trial: give finite seconds, 0 or more"),
        ("device,start,end\n,1,2\n", "line 2 names no device"),
    ],
)
def test_a_trace_that_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(trace(tmp_path, text))


def test_a_trace_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read as a trace: No such file" in refusal({"name": "trace", "file": str(tmp_path / "none.csv")})


def test_a_cycle_that_is_shorter_than_the_trace_is_refused(tmp_path: Path) -> None:
    assert "it would begin again before" in refusal(trace(tmp_path, PHONES, after="repeat", period="30 s"))


def test_a_cycle_of_a_trace_that_is_not_repeated_is_refused(tmp_path: Path) -> None:
    assert "the trace is not repeated" in refusal(trace(tmp_path, PHONES, period="50 s"))


def test_a_device_without_rows_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match=r"it has no row for c; .* it has a and b|it has no row for c"):
        sampled(trace(tmp_path, PHONES), "c")


PHONE = {"duration": 9, "inactive": [20, 50], "finish_time": 60, "active": [10, 40], "model": "a phone"}


def fedscale(folder: Path, content: object) -> dict[str, Any]:
    file = folder / "trace.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return {"name": "fedscale", "file": str(file)}


def test_a_phone_of_fedscale_is_there_between_active_and_inactive_and_begins_again(tmp_path: Path) -> None:
    attendance = sampled(fedscale(tmp_path, {"1": PHONE}))
    assert changes(attendance, 130.0) == [10, 20, 40, 50, 70, 80, 100, 110]
    assert not attendance.at(0.0)


def test_each_device_is_like_some_phone_whatever_the_algorithm(tmp_path: Path) -> None:
    phones = {str(n): {**PHONE, "inactive": [20, 50 + n]} for n in range(5)}
    data = fedscale(tmp_path, phones)
    first = [changes(sampled(data, str(n)), 60.0)[-1] for n in range(40)]
    assert first == [changes(sampled(data, str(n)), 60.0)[-1] for n in range(40)]
    assert len(set(first)) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps({1: PHONE}), "it is a pickle, which can run code when it is read; convert it once: python -c"),
        (b"no json", "it is not JSON"),
        ([1], "it must be an object with an entry for each phone"),
        ({}, "it must be an object with an entry for each phone"),
        ({"7": {**PHONE, "active": [10]}}, "phone 7: active and inactive must be lists of seconds of the same length"),
        ({"7": 3}, "phone 7: active and inactive must be lists"),
        ({"7": {"active": []}}, "phone 7 lacks inactive"),
        ({"7": {**PHONE, "active": [], "inactive": []}}, "phone 7 is never active"),
        ({"7": {**PHONE, "active": [40, 10]}}, "phone 7: a stay ends at 20 s, which is not after its start at 40 s"),
        ({"7": {**PHONE, "finish_time": 45}}, "phone 7: finish_time is 45 s, and its last stay ends at 50 s"),
    ],
)
def test_a_file_that_is_no_trace_of_fedscale_is_refused(tmp_path: Path, content: object, said: str) -> None:
    assert said in refusal(fedscale(tmp_path, content))
