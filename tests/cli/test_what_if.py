"""The guide to what-ifs: its commands print what it says they do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.commands import Sfsim
from tests.helpers.places import ROOT

GUIDE = (ROOT / "docs" / "guides" / "what-if.md").read_text("utf-8")
COMMANDS = re.findall(r"```\n\$ sfsim ((?:.*\\\n)*.*)\n((?:(?!```).*\n)*)```", GUIDE)
"""Each command, and its output as the guide has it."""


def trimmed(text: str) -> list[str]:
    """The lines of a text without spaces at their ends, and without empty lines."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_there_are_commands() -> None:
    assert [command.split()[0] for command, _ in COMMANDS] == ["sweep"] * 3


def test_the_file_in_the_guide_is_the_one_that_is_shipped() -> None:
    (shown,) = re.findall(r"```\n(name: slower-links\n(?:(?!```).*\n)*)```", GUIDE)
    assert shown in (ROOT / "scenarios" / "sweeps" / "slower_links.yaml").read_text("utf-8")


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_a_command_prints_what_the_guide_says(
    command: str, output: str, sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("analysis.write_sweep_figures", lambda sweep: [])
    monkeypatch.setattr("analysis.write_sweep_report", lambda sweep, figures: None)
    _, out, err = sfsim(*shlex.split(command.replace("\\\n", "")), "--workers", "1")
    said = trimmed(output.removeprefix("...\n"))
    assert trimmed(out + err)[-len(said) :] == said
