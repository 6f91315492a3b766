"""The pages of the manual, with the commands and the fragments that they show."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.places import ROOT

HOOKS = ROOT / "docs" / "hooks"
"""What generates pages when MkDocs builds the manual."""
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}


def name_of(page: Path) -> str:
    """The path of a page in the project."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """All blocks of this language in a page."""
    fenced = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for info, block in fenced if info == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command in the README and the manual: its page, and its words; continued lines are one command."""
    for page in (README, *PAGES):
        for block in blocks(page.read_text(encoding="utf-8"), "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield name_of(page), words


def hook(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the manual's hooks, which MkDocs imports from their folder."""
    patch.syspath_prepend(str(HOOKS))
    before = set(sys.modules)
    module = __import__(name)
    for added in set(sys.modules) - before:  # their names are common ones: nobody else is to find them
        if Path(str(getattr(sys.modules[added], "__file__", ""))).parent == HOOKS:
            patch.delitem(sys.modules, added)
    return module
