"""What is verified of a run, a sweep and a search, and how it is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from simulator.experiments.run.manifest import MANIFEST
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import load
from tests.helpers.commands import Sfsim
from tests.helpers.spoiling import SCENARIO, in_csv, in_text, problems


def test_a_run_that_nobody_touched_is_well(written: Path, sfsim: Sfsim) -> None:
    status, out, err = sfsim("verify", written)
    assert (status, err) == (0, "")
    *checks, last = out.splitlines()
    assert last == f"{written}: all is well"
    assert [line.partition(": ")[0] for line in checks] == [
        *("files", "trials", "FL-0", "FL-0", "FL-0", "SFL-0", "SFL-0", "SFL-0", "report"),
    ]
    assert all(": ok" in line for line in checks)


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


@pytest.mark.usefixtures("pictures")
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
