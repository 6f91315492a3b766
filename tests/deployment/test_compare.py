"""Predicted against measured, by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.choreography import Done
from tests.deployment.compare import Compared, deviations, median_error, parts, summed, write

SCHEDULE = [
    Done("core-10-0", 1, "server", "core-10-0", "model", 0.0, 2.0, 80),
    Done("core-10-0", 1, "core-10-0", "", "train_step", 2.0, 4.0),
    Done("core-10-0", 1, "core-10-0", "", "train_step", 6.0, 4.0),
    Done("core-10-0", 1, "core-10-0", "server", "model", 10.0, 5.0, 80),
    Done(None, 1, "server", "", "weighted_mean", 15.0, 0.5),
]


def happened(**changes: Any) -> list[Done]:
    """The same, twice as slow, with a change to the last transfer."""
    slower = [done._replace(start=2 * done.start, seconds=2 * done.seconds) for done in SCHEDULE]
    return [*slower[:3], slower[3]._replace(**changes), slower[4]]


def test_what_follows_its_schedule_may_take_longer() -> None:
    assert deviations(SCHEDULE, happened()) == []


@pytest.mark.parametrize("changes", [{"bytes": 81}, {"what": "other"}, {"round": 2}, {"target": "edge"}])
def test_what_does_not_follow_its_schedule_is_found(changes: dict[str, Any]) -> None:
    assert deviations(SCHEDULE, happened(**changes))


def test_a_part_is_the_sum_of_its_works_or_transfers() -> None:
    assert {each.what: (each.predicted_s, each.measured_s) for each in parts("FL", SCHEDULE, happened())} == {
        "transfers down": (2, 4),
        "transfers up": (5, 10),
        "works of core-10": (8, 16),
        "works of the server": (0.5, 1),
    }


def test_an_error_is_a_share_of_what_was_measured() -> None:
    rows = [Compared("FL", number, "round", predicted, 10.0) for number, predicted in enumerate((9.0, 10.5, 12.0))]
    assert [round(row.error, 6) for row in rows] == [-0.1, 0.05, 0.2]
    assert median_error(rows) == pytest.approx(0.1)
    assert summed(rows) == [Compared("FL", 0, "round", 31.5, 30.0)]


def test_the_file_has_a_line_for_each_row(tmp_path: Path) -> None:
    write(tmp_path / "new" / "file.jsonl", [Compared("FL", 1, "round", 9.0, 10.0)], processor="a processor")
    (line,) = (tmp_path / "new" / "file.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        **{"algorithm": "FL", "round": 1, "what": "round", "predicted_s": 9.0, "measured_s": 10.0},
        **{"error": -0.1, "processor": "a processor"},
    }
