"""A run is verified; whatever is changed in its folder is found, with the manifest and, where it counts, without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from simulator.experiments.run.manifest import MANIFEST, write_manifest
from simulator.experiments.run.run import run_scenario
from simulator.experiments.verify.verify import verify
from simulator.scenario.scenario import load
from tests.helpers.commands import Sfsim

SCENARIO = """\
name: tiny
world:
  devices: [{name: raspberry-pi-4, count: 3}, {name: jetson-nano}]
  server: {name: rtx-4090, slots: 2}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 2, clients_per_round: 2, batch_size: 256, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL, training: {driver: {name: fedbuff, buffer: 2, concurrency: 3}}}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry run with a report and a manifest."""
    place = tmp_path_factory.mktemp("verify")
    (place / "tiny.yaml").write_text(SCENARIO)
    run_scenario(load(place / "tiny.yaml"), dry=True, out=place / "run")
    write_manifest(place / "run")
    return place / "run"


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))


def problems(folder: Path) -> list[str]:
    return [problem for check in verify(folder) for problem in check.problems]


def test_a_run_that_nobody_touched_is_well(written: Path, sfsim: Sfsim) -> None:
    status, out, err = sfsim("verify", written)
    assert (status, err) == (0, "")
    *checks, last = out.splitlines()
    assert last == f"{written}: all is well"
    assert [line.partition(": ")[0] for line in checks] == [
        *("files", "trials", "FL-0", "FL-0", "FL-0", "SFL-0", "SFL-0", "SFL-0", "report"),
    ]
    assert all(": ok" in line for line in checks)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_any_file_that_is_changed_is_found(data: st.DataObject, written: Path) -> None:
    from simulator.experiments.run.manifest import check_manifest

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


def in_parquet(
    table: str, column: str, change: Callable[[Any], Any], row: int = 0, trial: str = "SFL-0"
) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "ledger" / trial / f"{table}.parquet"
        found = parquet.read_table(path)
        values = found[column].to_pylist()
        values[row] = change(values[row])
        place = found.schema.get_field_index(column)
        parquet.write_table(
            found.set_column(place, found.schema.field(column), pyarrow.array(values, found.schema.field(column).type)),
            path,
        )

    return spoil


def in_summary(key: str, trial: int = 0) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "summary.json"
        summary = json.loads(path.read_text())
        summary["trials"][trial][key] = (summary["trials"][trial][key] or 0) * 1.0001 + 1
        path.write_text(json.dumps(summary))

    return spoil


def in_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def in_csv(name: str, column: str, row: int = -1) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        cells, place = lines[row].split(","), lines[0].split(",").index(column)
        cells[place] = str(float(cells[place] or 0) * 1.001 + 1)
        lines[row] = ",".join(cells)
        (folder / name).write_text("\n".join(lines) + "\n")

    return spoil


def drop_row(table: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "ledger" / "SFL-0" / f"{table}.parquet"
        found = parquet.read_table(path)
        parquet.write_table(found.slice(0, len(found) - 1), path)

    return spoil


def later_schema(folder: Path) -> None:
    path = folder / "ledger" / "SFL-0" / "works.parquet"
    parquet.write_table(parquet.read_table(path).replace_schema_metadata({b"sfsim.schema": b"3"}), path)


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
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


def in_json(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(json.dumps(change(json.loads((folder / name).read_text()))))

    return spoil


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


DAMAGED: dict[str, tuple[Callable[[Path], None], str]] = {
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


def test_a_run_without_its_ledger_is_not_well(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / "report.html").unlink()
    shutil.rmtree(folder / "ledger")
    assert problems(folder) == ["ledger: this folder is missing"] * 2


def test_a_damaged_manifest_is_told_before_a_report_is_drawn(folder: Path, sfsim: Sfsim) -> None:
    (folder / MANIFEST).write_text("{")
    (folder / "report.html").unlink()
    status, _, err = sfsim("report", folder)
    assert (status, err.count("\n")) == (2, 1)
    assert "manifest.json: cannot be read" in err
    assert not (folder / "report.html").exists()


def test_names_like_formulas_are_no_difference(tmp_path: Path) -> None:
    measured = "rate: {fp32: 3 GFLOP/s}, memory_bandwidth: 1 GB/s, memory: 1 GiB"
    measured += ", power: {idle: 1 W, compute: 2 W, upload: 1 W, download: 1 W}"
    text = SCENARIO.replace("{name: raspberry-pi-4, count: 3}", f'{{name: "@pi", {measured}, count: 3}}')
    (tmp_path / "tiny.yaml").write_text(text)
    run_scenario(load(tmp_path / "tiny.yaml"), dry=True, out=tmp_path / "run")
    assert "'@pi" in (tmp_path / "run" / "critical_path.csv").read_text()
    assert problems(tmp_path / "run") == []


@pytest.mark.parametrize(("kind", "table"), [("sweep", "points.csv"), ("search", "suggestions.csv")])
def test_sweeps_and_searches_are_verified_trial_by_trial(
    kind: str, table: str, folder: Path, tmp_path: Path, sfsim: Sfsim
) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    for name in ("report.html", MANIFEST):
        (folder / name).unlink()
    shutil.rmtree(folder / "ledger")
    summary["trials"] = summary["trials"][:1]
    (folder / "summary.json").write_text(json.dumps(summary))
    for name in ("rounds.csv", "breakdown.csv", "queues.csv", "waits.csv", "critical_path.csv"):
        lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("\n".join(line for line in lines if "SFL" not in line) + "\n")
    study = tmp_path / kind
    (study / "trials").mkdir(parents=True)
    folder.rename(study / "trials" / "0123")
    (study / f"{kind}.yaml").write_text("name: s\n")
    column = "trial" if kind == "sweep" else "trials"
    (study / table).write_text(f"{column},label,status\n0123,FL,done\n4567,FL,failed\n")
    status, out, _ = sfsim("verify", study)
    assert status == 0, out
    assert "trial 0123: ok (" in out
    left_out = f"not checked: the {kind}'s own report and figures"
    assert out.splitlines()[-1] == f"{study}: all that was checked is well; {left_out}"
    (study / table).write_text(f"{column},label,status\n0123,XYZ,done\n4567,FL,done\n")
    assert problems(study) == [
        "trial 0123: label is XYZ, and in its folder FL",
        "trial 4567 is said to be done, and cannot be read",
    ]
    (study / table).write_bytes(b"\xff")
    assert sfsim("verify", study)[0] == 1


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


def test_a_run_of_an_earlier_version_is_told_so(folder: Path, sfsim: Sfsim) -> None:
    (folder / MANIFEST).unlink()
    in_text("summary.json", '"version": "', '"version": "0.0.')(folder)
    status, out, _ = sfsim("verify", folder)
    assert status == 0
    assert "files: not checked: there is no manifest.json, as in runs of earlier versions" in out
    assert "report: not checked: it is from sfsim 0.0." in out


def test_what_differs_is_one_line_a_check_and_exit_status_1(folder: Path, sfsim: Sfsim) -> None:
    in_csv("rounds.csv", "bytes_up")(folder)
    status, out, err = sfsim("verify", folder)
    assert (status, err) == (1, "")
    assert "files: rounds.csv: " in out
    assert "SFL-0: tables: rounds.csv: row 2 of SFL-0: bytes_up is " in out
    assert out.splitlines()[-1].startswith(f"{folder}: 2 of 9 checks differ")


def test_what_is_no_run_is_refused(tmp_path: Path, sfsim: Sfsim) -> None:
    for place, said in ((tmp_path, "neither a run nor a sweep"), (tmp_path / "x", "there is no such folder")):
        status, out, err = sfsim("verify", place)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert said in err
