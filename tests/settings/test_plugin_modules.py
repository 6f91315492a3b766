"""What a plug-in file imports from beside it is a part of it: of its version, of its copies, and of what runs keep."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.experiments.executors.plugins import with_plugins
from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_files import load_copy, load_file, unload_file
from simulator.settings.plugins import SELECTIONS
from tests.helpers.commands import Sfsim
from tests.helpers.plugin_files import FIRST, plugin_folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from plugin_folder(tmp_path, monkeypatch)


BESIDE = f"from beside_it import SKIP\n{FIRST}".replace("skip: int = 0", "skip: int = SKIP")


@pytest.fixture
def beside() -> Path:
    """A module beside a plug-in that imports it."""
    Path("beside_it.py").write_text("SKIP = 3\n")
    Path("mine.py").write_text(BESIDE)
    return Path("beside_it.py")


def skip() -> int:
    return int(SELECTIONS.read({"name": "first"}).model_dump()["skip"])


def test_a_copy_of_a_file_is_what_was_loaded_and_not_what_the_file_has_become(beside: Path) -> None:
    sent = pickle.loads(pickle.dumps(load_file("mine.py")))
    unload_file("mine.py")
    beside.write_text("SKIP = 4\n")
    Path("mine.py").write_text("1 / 0\n")
    assert load_copy(sent) == sent
    assert skip() == 3


def test_a_module_beside_a_file_is_a_part_of_its_version(beside: Path) -> None:
    first = load_file("mine.py")
    assert load_file("mine.py") is first
    beside.write_text("SKIP = 4\n")
    second = load_file("mine.py")
    assert (second.sha256, skip()) == (first.sha256, 4)
    assert second.version != first.version


def test_a_module_that_another_file_has_imported_already_is_a_part_of_both(beside: Path) -> None:
    Path("other.py").write_text(BESIDE.replace('"first"', '"second"'))
    files = [load_file("mine.py"), load_file("other.py")]
    assert [[module.name for module in file.modules] for file in files] == [["beside_it"], ["beside_it"]]


def test_modules_of_a_package_beside_a_file_are_parts_of_it_and_those_elsewhere_are_not() -> None:
    Path("kit_beside").mkdir()
    Path("kit_beside/__init__.py").write_text("from .inner import SKIP\n")
    Path("kit_beside/inner.py").write_text("import json\nSKIP = 5\n")
    Path("mine.py").write_text(BESIDE.replace("beside_it", "kit_beside"))
    assert [module.name for module in load_file("mine.py").modules] == ["kit_beside", "kit_beside.inner"]


def test_a_module_with_an_error_is_read_again_once_it_is_mended(beside: Path) -> None:
    Path("mine.py").write_text(f"{BESIDE}\n1 / 0\n")
    with pytest.raises(ScenarioError):
        load_file("mine.py")
    beside.write_text("SKIP = 4\n")
    Path("mine.py").write_text(BESIDE)
    load_file("mine.py")
    assert skip() == 4


def test_a_folder_may_be_reached_through_a_link(beside: Path, tmp_path: Path) -> None:
    sys.path.insert(0, str(tmp_path))
    Path("link").symlink_to(tmp_path, target_is_directory=True)
    assert [module.path for module in load_file("link/mine.py").modules] == [tmp_path.resolve() / "beside_it.py"]


def test_a_run_keeps_what_its_file_imports(beside: Path, sfsim: Sfsim) -> None:
    beside.write_text("SKIP = 0\n")
    assert sfsim("run", "tiny.yaml", "--plugin", "mine.py", "--dry", "--out", "here")[0] == 0
    assert Path("here/plugins/beside_it.py").read_text() == "SKIP = 0\n"
    (kept,) = json.loads(Path("here/environment.json").read_text())["plugins"]
    assert kept["imports"] == {"beside_it.py": hashlib.sha256(b"SKIP = 0\n").hexdigest()}


def test_a_file_that_is_edited_while_a_sweep_runs_changes_nothing() -> None:
    load_file("mine.py")
    sent = pickle.dumps(with_plugins(Path))
    unload_file("mine.py")
    Path("mine.py").write_text("1 / 0\n")
    assert pickle.loads(sent)("x") == Path("x")
    assert SELECTIONS.find("first").__name__ == "First"
