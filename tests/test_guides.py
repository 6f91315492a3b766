"""The guides: what they tell the reader to type works, changes apply, and what they show is what comes out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from simulator.settings.plugin_files import loaded_files, unload_file
from tests.helpers.commands import Sfsim
from tests.helpers.forks import forked_pytest
from tests.helpers.places import ROOT

GUIDES = ROOT / "docs" / "guides"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block: sh is typed, text is then shown; diff FILE changes a file, any other language FILE is that file."""
TYPED = ("own-data", "own-devices", "write-an-algorithm", "language-models")
"""Guides that are typed from the first block to the last; ``tests/test_manual.py`` tries the commands of others."""
DRY = ("language-models",)
"""Guides whose runs are dry here: training takes half a minute, and may need weights that are not there."""
WORDS = 500
"""At most so many words has a guide, but for the tutorial."""


def pictures() -> None:
    """Two classes of small images, for training and for testing."""
    for part, count in (("train", 40), ("test", 10)):
        for red, name in enumerate(("cats", "dogs")):
            folder = Path("pets", part, name)
            folder.mkdir(parents=True)
            for blue in range(count):
                Image.new("RGB", (32, 32), (200 * red, 0, blue)).save(folder / f"{blue}.jpg")


def reviews() -> None:
    """A table of short texts of two classes, for training and for testing."""
    for part, count in (("train", 200), ("test", 50)):
        words, labels = ("dull", "warm"), ("negative", "positive")
        rows = [f"a {words[row % 2]} film,{labels[row % 2]}" for row in range(count)]
        Path("reviews").mkdir(exist_ok=True)
        Path("reviews", f"{part}.csv").write_text("\n".join(["text,label", *rows]))


NEEDS: dict[str, Callable[[], None]] = {"own-data": pictures, "language-models": reviews}


@pytest.fixture
def _unloaded() -> Iterator[None]:
    yield
    for file in loaded_files():
        unload_file(file.path)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield the language, the file and the text of each block of a guide."""
    yield from BLOCK.findall((GUIDES / f"{page}.md").read_text(encoding="utf-8"))


def typed(command: str, sfsim: Sfsim) -> str:
    """Run a line as a reader would type it, and return what it prints."""
    program, *words = shlex.split(command)
    if program == "sfsim":
        status, out, err = sfsim(*words)
    else:
        assert program == "pytest", command
        (status, out), err = forked_pytest(*words), ""
    assert (status, err) == (0, ""), f"{command}\n{out}{err}"
    return out


def change(file: str, text: str) -> None:
    """Apply a change: lines with a minus or a blank in front are in the file, those with a plus or a blank come in."""
    lines = [(line[:1] or " ", line[1:]) for line in text.splitlines()]
    old, new = ("\n".join(line for mark, line in lines if mark != other) for other in "+-")
    before = Path(file).read_text()
    assert before.count(old) == 1, f"{file} has {before.count(old)} times:\n{old}"
    Path(file).write_text(before.replace(old, new))


@pytest.mark.usefixtures("_unloaded")
@pytest.mark.parametrize("page", TYPED)
def test_what_a_guide_says_works(page: str, sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    NEEDS.get(page, lambda: None)()
    printed = ""
    for language, file, text in blocks(page):
        if language == "diff":
            change(file, text)
        elif file:
            Path(file).write_text(text)
        elif language == "sh":
            lines = [line.partition("  #")[0] for line in text.splitlines()]
            if page in DRY:
                lines = [line.replace("sfsim run", "sfsim run --dry") for line in lines if "--dry" not in line]
            printed = "".join(typed(line, sfsim) for line in lines)
        elif language == "text":
            lines = [line.strip() for line in printed.splitlines()]
            for line in text.splitlines():
                assert line.strip() in lines, f"{page} shows:\n{line}\nbut this is printed:\n{printed}"


@pytest.mark.parametrize("page", ["own-data", "own-devices"])
def test_a_guide_is_short(page: str) -> None:
    text = (GUIDES / f"{page}.md").read_text(encoding="utf-8")
    assert len(text.split()) <= WORDS


def test_a_change_that_does_not_apply_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("a\nb\n")
    change("file", " a\n-b\n+c\n")
    assert Path("file").read_text() == "a\nc\n"
    with pytest.raises(AssertionError, match="file has 0 times"):
        change("file", "-b\n+c\n")
