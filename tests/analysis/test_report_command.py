"""`sfsim report` and `sfsim compare`: what they write, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report_comparison import compare
from analysis.verdict import verdict_of_run
from tests.helpers.commands import Sfsim
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import UPLINK, fabricate_sweep


@pytest.mark.usefixtures("pictures")
def test_report_draws_a_run_and_a_sweep_anew(sfsim: Sfsim, tmp_path: Path) -> None:
    run = fabricate(tmp_path / "run", labels=("FL",), rounds=1, dry=True)
    sweep = fabricate_sweep(tmp_path / "sweep", {UPLINK: ["1 Mbit/s", "2 Mbit/s"]}, dry=True)
    for folder, figure in ((run, "where_it_goes"), (sweep, "over_axis_bytes")):
        assert sfsim("report", folder) == (0, f"Report: {folder / 'report.html'}\n", "")
        assert (folder / "figures" / f"{figure}.png").exists()
        assert (folder / "report.html").stat().st_size > 1e6


def test_compare_writes_where_it_is_told(sfsim: Sfsim, tmp_path: Path) -> None:
    folders = [fabricate(tmp_path / name, labels=("FL",), rounds=1, name=name) for name in ("a", "b")]
    out = tmp_path / "both.html"
    comparison = compare(folders)
    verdict = verdict_of_run(comparison.joined, comparison.own_labels)
    wanted = f"\n{verdict}\n\nComparison: {out}\n"
    assert sfsim("compare", *folders, "--out", out) == (0, wanted, "")
    assert out.exists()


def test_compare_replaces_no_page_unless_it_is_told_to(sfsim: Sfsim, tmp_path: Path) -> None:
    folders = [fabricate(tmp_path / name, labels=("FL",), rounds=1, name=name) for name in ("a", "b")]
    out = tmp_path / "both.html"
    out.write_text("mine")
    refused = f"sfsim: {out} exists: name another file with --out, or say --force\n"
    assert sfsim("compare", *folders, "--out", out) == (2, "", refused)
    assert out.read_text() == "mine"
    assert sfsim("compare", *folders, "--out", out, "--force")[0] == 0
    assert out.stat().st_size > 1e6


def test_a_comparison_makes_its_folder(sfsim: Sfsim, tmp_path: Path) -> None:
    folders = [fabricate(tmp_path / name, labels=("FL",), rounds=1) for name in "ab"]
    assert sfsim("compare", *folders, "--out", tmp_path / "new" / "of" / "both.html")[0] == 0
    assert (tmp_path / "new" / "of" / "both.html").stat().st_size > 1e6


def test_what_is_no_run_is_one_message(sfsim: Sfsim, tmp_path: Path) -> None:
    run = fabricate(tmp_path / "run", labels=("FL",), rounds=1)
    for arguments, message in (
        (("report", tmp_path), "not a run folder, it has no summary.json"),
        (("report", tmp_path / "nothing"), "there is no such folder"),
        (("report", run / "rounds.csv"), "rounds.csv: this is a file, not a folder"),
        (("compare", run), "a comparison takes at least two run folders"),
        (("compare", run, tmp_path), "not a run folder"),
        (("compare", run, run, "--out", tmp_path / "no" / "c.html"), "named twice"),
    ):
        status, out, err = sfsim(*arguments)
        assert (status, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1
