"""The reference of commands, from the command line itself."""

from __future__ import annotations

import re
from typing import Any

import typer
from tables import code, sentence, table

from simulator.cli.entry import app

NOTES = """Every command exits with status 0, or with 2 and one message on stderr if the input is wrong, never with a
traceback. `sfsim fidelity` exits with 1 if predictions are worse than its bounds. Ctrl-C, a TERM or a HUP signal stops
a command cleanly, with status 130; under `nohup`, HUP is ignored. `sfsim COMMAND --help` prints what is below.

What cannot be written is told with its name and the reason, such as a full disk, and the file that was there stays.
Output never ends a command: where nobody reads it any more (`sfsim run ... | head -1`), the command finishes its work
and exits with 141, as other programs do; where it cannot be written, with 1. A terminal that is not UTF-8 gets plain
signs in place of those that it lacks. Files and folders are readable for whom the umask allows."""


def page() -> str:
    """Return the page."""
    group: Any = typer.main.get_command(app)
    lines = [
        "# Commands",
        NOTES,
        "`.venv/bin/sfsim` after `make install`, or `python -m simulator`, has these commands:",
    ]
    lines.append(
        table(("command", "what it does"), [(_link(name), _first(c.help)) for name, c in group.commands.items()])
    )
    lines += [_command(f"sfsim {name}", command) for name, command in group.commands.items()]
    return "\n\n".join(lines)


def _command(name: str, command: Any) -> str:
    """Return the section of a command, and of the commands below it."""
    lines = [f"## {name}", sentence(command.help or "")]
    if hasattr(command, "commands"):
        return "\n\n".join([*lines, *(_command(f"{name} {below}", inner) for below, inner in command.commands.items())])
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    usage = " ".join(_usage(argument) for argument in arguments)
    lines.append(f"```\n{name} [OPTIONS] {usage}".rstrip() + "\n```")
    rows = [
        (code(_written(parameter)), code(_default(parameter)), sentence(parameter.help or ""))
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
    ]
    lines.append(table(("argument or option", "default", "meaning"), rows) if rows else "It has no options.")
    if command.epilog:
        lines.append(re.sub(r"(sfsim .+)", r"`\1`", command.epilog))
    return "\n\n".join(lines)


def _usage(argument: Any) -> str:
    name = (argument.metavar or argument.name).strip("[]{}.").upper()
    dots = "..." if argument.nargs == -1 else ""
    return f"{name}{dots}" if argument.required else f"[{name}{dots}]"


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _usage(parameter).strip("[]")
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {parameter.metavar or parameter.name.upper()}"


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    if parameter.default in (None, False, (), []) or callable(parameter.default):
        return ""
    return str(parameter.default)


def _first(text: str | None) -> str:
    return sentence((text or "").split("\n\n")[0])


def _link(name: str) -> str:
    return f"[{code(f'sfsim {name}')}](#sfsim-{name})"
