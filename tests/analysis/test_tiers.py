"""The traffic of edges is shown in the table of a run and on the page of a sweep, where there is any."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.interactive.sweep import sweep_data
from analysis.measures import measure_columns
from analysis.runs import load_run
from analysis.sweeps import load_sweep
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import HEAD, fabricate_sweep


@pytest.mark.parametrize(("sent", "shown"), [(None, []), (0, []), (5e6, ["5 MB"])])
def test_traffic_of_edges_is_a_measure_of_a_run_where_there_is_any(
    tmp_path: Path, sent: float | None, shown: list[str]
) -> None:
    run = load_run(fabricate(tmp_path))
    run.summary["bytes_edge_up"] = sent
    assert [column.cells[0].text for column in measure_columns(run) if column.name == "Edges sent up"] == shown


@pytest.mark.parametrize("sent", [0, 5e6])
def test_traffic_of_edges_is_a_measure_of_a_sweep_where_there_is_any(tmp_path: Path, sent: float) -> None:
    fabricate_sweep(tmp_path, {HEAD: ["0", "1"]}, dry=True)
    sweep = load_sweep(tmp_path)
    sweep.summary["bytes_edge_up"] = sent
    names = [measure["name"] for measure in sweep_data(sweep)["measures"]]
    assert ("traffic of edges up" in names) is (sent > 0)
