"""Folders that are replaced: the old one or the new one, and never none."""

from pathlib import Path

import pytest

from simulator.settings import files
from simulator.settings.files import replace_folder


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_takes_the_place_of_another(
    exchanges: bool, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    (tmp_path / ".new").mkdir()
    (tmp_path / ".new" / "content").write_text("new")
    if there:
        (tmp_path / "folder" / "sub").mkdir(parents=True)
    replace_folder(tmp_path / ".new", tmp_path / "folder")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == {"folder", "folder/content"}
