"""`sfsim new algorithm`: what it writes works as it is; what cannot be written is one message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.settings.plugin_files import load_file, unload_file
from simulator.settings.plugins import ALGORITHMS
from simulator.settings.yamlfile import parse
from tests.helpers.commands import Sfsim, files
from tests.helpers.places import ROOT


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    unload_file("mine.py")


def test_it_writes_an_algorithm_and_its_test(sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("new", "algorithm", "mine")
    assert (status, err) == (0, "")
    assert files(tmp_path) == ["mine.py", "test_mine.py"]
    assert out.splitlines()[0] == "Wrote mine.py, an algorithm to change, and test_mine.py, its test."


@pytest.mark.slow  # tests/test_guides.py runs this test of an algorithm of another name
def test_what_it_writes_passes_its_own_test(sfsim: Sfsim, tmp_path: Path) -> None:
    sfsim("new", "algorithm", "mine")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest.mark.slow
def test_its_test_fails_if_it_sends_more(sfsim: Sfsim, tmp_path: Path) -> None:
    sfsim("new", "algorithm", "mine")
    text = Path("mine.py").read_text()
    assert text.count("task.last(state, self.blocks)") == 1
    Path("mine.py").write_text(text.replace("task.last(state, self.blocks)", "task.last(state, self.blocks + 1)"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py", "-k", "go_up"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout


def test_the_class_is_called_after_the_name(sfsim: Sfsim) -> None:
    sfsim("new", "algorithm", "last_blocks_2", "--out", "variant.py")
    text = Path("variant.py").read_text()
    assert "class LastBlocks2(Algorithm):" in text
    assert 'name: ClassVar[str] = "last_blocks_2"' in text
    assert 'with_name("variant.py")' in Path("test_variant.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["algorithm", "MyVariant"], "a letter first; did you mean my_variant?"),
        (["algorithm", "2nd"], '"2nd" is not a name for an algorithm'),
        (["algorithm", "class"], '"class" is a keyword of Python, which no algorithm can be called'),
        (["algorithm", "true"], '"true" is not text in a YAML file, but a value: choose another name'),
        (["algorithm", "naïve"], "a letter first; did you mean naive?\n"),
        (["algorithm", "größe"], "a letter first\n"),
        (["algorithm", "fedavg"], 'there is an algorithm "fedavg" already'),
        (["algorithm", "mine", "--out", "mine.txt"], "the file of an algorithm is a Python module, such as mine.py"),
        (["algorithm", "mine", "--out", "nowhere/mine.py"], "nowhere/mine.py cannot be written"),
        (["queue", "mine"], "sfsim new makes an algorithm, not queue: sfsim new algorithm mine"),
    ],
)
def test_what_cannot_be_written_is_one_message(arguments: list[str], said: str, sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("new", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["none", "update", "messages", "class_var", "algorithm", "exception"])
def test_what_it_writes_can_be_loaded_and_named_whatever_it_is_called(name: str, sfsim: Sfsim) -> None:
    assert sfsim("new", "algorithm", name, "--out", "mine.py")[0] == 0
    assert load_file("mine.py").names == {"algorithms": [name]}
    assert ALGORITHMS.read(parse(f"{{name: {name}}}")[0]).check.__module__.startswith("mine_")  # type: ignore[attr-defined]


@pytest.mark.parametrize("there", ["mine.py", "test_mine.py"])
def test_nothing_is_overwritten(there: str, sfsim: Sfsim, tmp_path: Path) -> None:
    Path(there).write_text("mine")
    status, out, err = sfsim("new", "algorithm", "mine")
    assert (status, out) == (2, "")
    assert err == f"sfsim: {there} exists: name another file with --out\n"
    assert files(tmp_path) == [there]
