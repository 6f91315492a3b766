"""Whatever is changed in the folder of a run is found, with the manifest and, where it counts, without it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from simulator.experiments.run.manifest import MANIFEST, check_manifest
from tests.helpers.commands import Sfsim
from tests.helpers.spoiling import Spoil, drop_row, in_csv, in_json, in_parquet, in_summary, in_text, problems


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_any_file_that_is_changed_is_found(data: st.DataObject, written: Path) -> None:
    files = sorted(
        path for path in written.rglob("*") if path.is_file() and path.name[0] != "." and path.name != MANIFEST
    )
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    other = before[place] ^ data.draw(st.integers(1, 255))
    try:
        path.write_bytes(before[:place] + bytes([other]) + before[place + 1 :])
        assert check_manifest(written) == [f"{path.relative_to(written).as_posix()}: was changed after it was written"]
    finally:
        path.write_bytes(before)


def later_schema(folder: Path) -> None:
    path = folder / "ledger" / "SFL-0" / "works.parquet"
    parquet.write_table(parquet.read_table(path).replace_schema_metadata({b"sfsim.schema": b"3"}), path)


SPOILED: dict[str, tuple[Spoil, str]] = {
    "bytes of a transfer": (in_parquet("transfers", "bytes", lambda value: value + 1), "by the ledger"),
    "bytes lost": (in_parquet("transfers", "lost", lambda value: 10**12), "row 0 has"),
    "flops of a work": (in_parquet("works", "flops", lambda value: value + 10**6), "by the ledger"),
    "seconds of a work": (in_parquet("works", "seconds", lambda value: value * 1.01), "by the ledger"),
    "work before it was asked for": (in_parquet("works", "asked", lambda value: value + 1e6), "was asked for at"),
    "work at an unknown site": (in_parquet("works", "site", lambda value: "pi"), "'pi' is none of the trial's sites"),
    "work after the end": (in_parquet("works", "start", lambda value: value + 1e6, -1), "after the trial"),
    "slots": (in_parquet("sites", "slots", lambda value: 0), "and it has 0"),
    "watts": (in_parquet("sites", "compute_w", lambda value: value + 1), "energy_j"),
    "a round": (in_parquet("rounds", "round", lambda value: 7), "not numbered from 1 on"),
    "staleness": (in_parquet("attempts", "staleness", lambda value: value + 1, trial="FL-0"), "staleness"),
    "an update": (in_parquet("rounds", "updates", lambda value: value + 1), "3 updates"),
    "an engagement": (in_parquet("engagements", "seconds", lambda value: value * 0.9), "by the ledger"),
    "a critical path": (in_parquet("critical_path", "what", lambda value: "nothing"), "critical_path.parquet: row 0"),
    "a row of works": (drop_row("works"), "by the ledger"),
    "a row of transfers": (drop_row("transfers"), "by the ledger"),
    "a row of engagements": (drop_row("engagements"), "by the ledger"),
    "a row of sites": (drop_row("sites"), "sites.parquet: there are 3 devices, and 4 in scenario.yaml"),
    "a table": (lambda folder: (folder / "ledger/SFL-0/rounds.parquet").unlink(), "rounds.parquet: this file is miss"),
    "a ledger": (lambda folder: shutil.rmtree(folder / "ledger/SFL-0"), "works.parquet: this file is missing"),
    "another ledger": (lambda folder: (folder / "ledger/X-0").mkdir(), "ledger/X-0: summary.json has no such trial"),
    "a later schema": (later_schema, "written with schema 3; this sfsim reads 1 and 2"),
    "no Parquet": (lambda folder: (folder / "ledger/SFL-0/works.parquet").write_bytes(b"x"), "be read as Parquet"),
    **{f"summary {key}": (in_summary(key), f"summary.json: {key} of FL-0") for key in (
        *("bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "client_active_energy_j"),
        *("server_energy_j", "updates", "lost_updates", "mean_staleness", "wasted_energy_j", "server_wait_s"),
        *("later_round_s", "bytes_provisioning", "empty_rounds", "energy_per_update_j"),
    )},
    "simulated time": (in_summary("sim_time_s"), "sim_time_s"),
    "rounds": (in_summary("rounds"), "rounds"),
    "rounds.csv": (in_csv("rounds.csv", "bytes_up"), "rounds.csv: row 2 of SFL-0: bytes_up is"),
    "rounds.csv in the middle": (in_csv("rounds.csv", "client_energy_j", 2), "row 1 of FL-0: client_energy_j"),
    "rounds.csv moment": (in_csv("rounds.csv", "sim_time_s", 2), "rounds.csv: row 1 of FL-0: sim_time_s is"),
    "breakdown.csv": (in_csv("breakdown.csv", "energy_j"), "breakdown.csv: row"),
    "queues.csv": (in_csv("queues.csv", "max_wait_s"), "queues.csv: row"),
    "waits.csv": (in_csv("waits.csv", "total_wait_s"), "waits.csv: row"),
    "critical_path.csv": (in_csv("critical_path.csv", "seconds"), "critical_path.csv: row"),
    "scenario.yaml": (in_text("scenario.yaml", "label: SFL", "label: XYZ"), "has no entry 'SFL'"),
    "the report's text": (in_text("report.html", "<title>", "<title>!"), "report.html: line"),
    "no summary": (lambda folder: (folder / "summary.json").write_text("{"), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_without_a_manifest_what_contradicts_itself_is_found(case: str, folder: Path) -> None:
    spoil, said = SPOILED[case]
    (folder / MANIFEST).unlink()
    if case != "the report's text":
        (folder / "report.html").unlink()  # it would tell of everything
    spoil(folder)
    found = problems(folder)
    assert any(said in problem for problem in found), found


def test_a_figure_in_a_table_of_the_report_is_found_by_its_row_and_column(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    page = folder / "report.html"
    text = page.read_text(encoding="utf-8")
    end = text.index("</td>")
    page.write_text(text[:end] + "7" + text[end:], encoding="utf-8")
    (problem,) = problems(folder)
    assert problem.startswith("report.html: ")
    assert " of 'FL' is " in problem
    assert ", and by the files " in problem


def other_type(folder: Path) -> None:
    path = folder / "ledger" / "SFL-0" / "works.parquet"
    found = parquet.read_table(path)
    place = found.schema.get_field_index("seconds")
    parquet.write_table(found.set_column(place, "seconds", pyarrow.array([[1]] * len(found))), path)


def without(summary: Any, key: str) -> Any:
    del summary["trials"][0][key]
    return summary


def with_line(manifest: Any, line: Any) -> Any:
    manifest["files"]["rounds.csv"] = line
    return manifest


DAMAGED: dict[str, tuple[Spoil, str]] = {
    "a table that is no text": (lambda folder: (folder / "rounds.csv").write_bytes(b"\xff\xfe,"), "rounds.csv: cannot"),
    "a trial without algorithm": (in_json("summary.json", lambda it: without(it, "algorithm")), "lacks 'algorithm'"),
    "a trial of no kind": (in_json("summary.json", lambda it: {**it, "trials": [1]}), "summary.json: cannot be read"),
    "algorithms that are none": (
        lambda folder: (folder / "scenario.yaml").write_text("algorithms: [1]"), "has no entry 'FL'"
    ),
    "a summary that is none": (lambda folder: (folder / "summary.json").write_text("{"), "json: cannot be read"),
    "a manifest with words for bytes": (
        in_json(MANIFEST, lambda it: with_line(it, {"bytes": "x", "sha256": ""})), "a file lacks its size or its hash"
    ),
    "a manifest without lines": (in_json(MANIFEST, lambda it: with_line(it, 1)), "manifest.json: cannot be read"),
    "a column of another type": (other_type, "works.parquet: cannot be read as Parquet"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_folder_is_told_and_is_no_failure(case: str, folder: Path, sfsim: Sfsim) -> None:
    spoil, said = DAMAGED[case]
    (folder / "report.html").unlink()
    spoil(folder)
    status, out, err = sfsim("verify", folder)
    assert (status, err) == (1, "")
    assert said in "\n".join(problems(folder)), out
