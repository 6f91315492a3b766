"""How the help of `sfsim` is arranged: commands by what one does one after the other, each with an example."""

from __future__ import annotations

import typer
from typer.models import CommandInfo

GROUPS = {
    "Start": ("init", "list", "validate"),
    "Run and compare": ("run", "sweep", "search", "compare", "report", "trace"),
    "Keep": ("verify", "track", "clean"),
    "Plan": ("plan", "model"),
    "Your own models and machines": ("pretrain", "calibrate"),
    "Evidence": ("fidelity", "claims"),
    "Extend": ("new", "schema"),
}
"""The names of the commands in each group; those in none come last."""
EXAMPLES = {
    "init": "sfsim init --data pictures --devices raspberry-pi-4:6,phone:4",
    "list": "sfsim list devices --match jetson --sources",
    "validate": "sfsim validate scenario.yaml",
    "run": "sfsim run scenario.yaml --dry --set world.server.slots=2",
    "sweep": "sfsim sweep scenarios/sweeps/deadline.yaml --dry",
    "search": "sfsim search scenarios/searches/cut_and_link.yaml --dry",
    "compare": "sfsim compare runs/quickstart-1 runs/quickstart-2",
    "report": "sfsim report runs/quickstart-1",
    "trace": "sfsim trace runs/quickstart-1 --trial SFPrompt-0",
    "track": "sfsim track runs/quickstart-1 --to tensorboard",
    "verify": "sfsim verify runs/quickstart-1",
    "clean": "sfsim clean --older-than 30d --keep 2",
    "plan": "sfsim plan scenario.yaml --out cuts.csv",
    "model": "sfsim model vit_base_patch16_224 --batch-size 16",
    "pretrain": "sfsim pretrain scenarios/pretrain/tiny-imagenet-32.yaml",
    "calibrate": "sfsim calibrate scenario.yaml --out my-machine.yaml",
    "fidelity": "sfsim fidelity my-rows.csv --catalogue my-machine.yaml",
    "claims": "sfsim claims sfprompt-bytes",
    "new": "sfsim new algorithm my_variant",
    "schema": "sfsim schema > sfsim.schema.json",
}
"""An example of each command, at the end of its help."""


def arrange(app: typer.Typer) -> None:
    """Put the commands of an app into their groups and order, and end the help of each with its example."""
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    order = list(group_of)
    for command in app.registered_commands:
        name = name_of(command)
        if name in group_of:
            command.rich_help_panel = group_of[name]
        if name in EXAMPLES:
            command.epilog = f"Example: {EXAMPLES[name]}"
    app.registered_commands.sort(
        key=lambda command: order.index(name_of(command)) if name_of(command) in group_of else len(order)
    )


def name_of(command: CommandInfo) -> str:
    """Return what a user calls a command."""
    return command.name or (command.callback.__name__ if command.callback else "")
