"""The manifest of a run names its files, and tells which of them were changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.experiments.run.manifest import MANIFEST, ManifestError, check_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ledger" / "FL-0").mkdir(parents=True)
    (tmp_path / "figures").mkdir()
    for name in ("summary.json", "report.html", "ledger/FL-0/works.parquet", "figures/a.png"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".lock").touch()
    (tmp_path / "trace.json.gz").touch()
    write_manifest(tmp_path)
    return tmp_path


def test_a_manifest_has_the_size_and_the_hash_of_each_file(folder: Path) -> None:
    said = json.loads((folder / MANIFEST).read_text())
    assert said["schema"] == 1
    assert list(said["files"]) == ["figures/a.png", "ledger/FL-0/works.parquet", "report.html", "summary.json"]
    # as `printf summary.json | sha256sum` gives it
    assert said["files"]["summary.json"] == {
        "bytes": 12,
        "sha256": "87249a4ce26259c12a05305bf70f692772b27f2a7ab19cb4b1a8fb740dcb1ea2",
    }
    assert check_manifest(folder) == []


def test_what_was_changed_removed_or_added_is_told(folder: Path) -> None:
    (folder / "summary.json").write_text("summary.jsoN")
    (folder / "report.html").write_text("report.html and more")
    (folder / "figures/a.png").unlink()
    (folder / "ledger/FL-0/waits.parquet").touch()
    (folder / "notes.txt").touch()
    assert check_manifest(folder) == [
        "figures/a.png: this file is missing",
        "report.html: has 20 bytes, and had 11 when it was written",
        "summary.json: was changed after it was written",
        "ledger/FL-0/waits.parquet: was not there when the run was written",
    ]


def test_a_new_report_does_not_hide_other_changes(folder: Path) -> None:
    (folder / "summary.json").write_text("summary.jsoN")
    (folder / "report.html").write_text("another")
    (folder / "figures/a.png").rename(folder / "figures/b.png")
    write_manifest(folder, only=("report.html", "figures"))
    assert check_manifest(folder) == ["summary.json: was changed after it was written"]


def test_a_run_without_a_manifest_gets_none_with_a_new_report(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    assert write_manifest(folder, only=("report.html",)) is None
    assert not (folder / MANIFEST).exists()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": 1}', '{"schema": 2, "files": {}}', '{"schema": 1, "files": {"a": {}}}']
)
def test_a_manifest_that_is_none_is_told(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ManifestError, match=r"manifest.json: "):
        check_manifest(folder)
