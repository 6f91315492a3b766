"""The help: commands in the order of a study, each with an example that is itself understood; the version."""

from __future__ import annotations

import shlex
from importlib.metadata import version

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from simulator.cli.entry import app
from simulator.cli.help import EXAMPLES, GROUPS, name_of
from tests.helpers.commands import Sfsim

COMMANDS = [name_of(command) for command in app.registered_commands]


def shown(*arguments: str, width: int = 80) -> str:
    result = CliRunner().invoke(app, [*arguments, "--help"], terminal_width=width, env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return result.output


def test_every_command_is_in_a_group_and_has_an_example() -> None:
    assert sorted(COMMANDS) == sorted(name for names in GROUPS.values() for name in names)
    assert sorted(COMMANDS) == sorted(EXAMPLES)


def test_groups_come_in_the_order_of_a_study() -> None:
    output = shown()
    places = [output.index(f"─ {group} ─") for group in GROUPS]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_ends_with_its_example_and_fits(command: str) -> None:
    lines = [line.rstrip() for line in shown(command).splitlines() if line.strip()]
    assert lines[-1].strip() == f"Example: {EXAMPLES[command]}"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_can_be_typed(command: str) -> None:
    """Its options exist, and its arguments are as many as the command takes."""
    name, *words = shlex.split(EXAMPLES[command].partition(" > ")[0])[1:]
    assert name == command
    get_command(app).commands[command].make_context(command, words)  # type: ignore[attr-defined]


def test_the_version(sfsim: Sfsim) -> None:
    assert sfsim("--version") == (0, f"sfsim {version('sfsim')}\n", "")
