"""The command line. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from simulator.scenario import Scenario

app = typer.Typer(
    name="sfsim",
    help="Which way of fine-tuning a pre-trained model across devices is fastest, cheapest and most accurate?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

File = Annotated[Path, typer.Argument(help="The scenario, a YAML file.", show_default=False)]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key, such as world.server.slots=2 or algorithms.SFPrompt.keep_fraction=0.8; repeatable.",
        show_default=False,
    ),
]


@app.callback()
def _commands() -> None:
    """Keeps ``run`` and ``validate`` names of commands, however many there are."""


@app.command()
def run(
    file: File,
    dry: Annotated[bool, typer.Option("--dry", help="Simulate without training: everything but accuracy.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/<scenario>-<n>", metavar="DIR")
    ] = None,
    overrides: Set = [],  # noqa: B006  (typer wants a list)
    force: Annotated[bool, typer.Option("--force", help="Replace the run folder if there is one.")] = False,
) -> None:
    """Run every algorithm of a scenario, print a table, and leave a run folder with figures and a report."""
    scenario = _load(file, overrides)
    from simulator.running import run_scenario

    try:
        run_scenario(scenario, dry=dry, out=out, force=force)
    except FileExistsError as error:
        _refuse(f"{error.args[0]} exists and is not empty: name another folder with --out, or replace it with --force")
    except OSError as error:
        if not error.filename:
            raise
        _refuse(f"the run folder cannot be written: {error.strerror}: {error.filename}")


@app.command()
def validate(file: File, overrides: Set = []) -> None:  # noqa: B006
    """Check a scenario, down to its cuts and shards, without running it."""
    scenario = _load(file, overrides)
    from simulator.trial import check

    check(scenario)
    trials = len(scenario.algorithms) * len(scenario.seeds)
    labels = ", ".join(entry.label for entry in scenario.algorithms)
    print(f"{file} is a valid scenario: {trials} trials ({labels}) on {scenario.world.clients} devices")


def main() -> None:
    """The entry point: a mistake of the user's is one message on stderr and exit status 2."""
    from simulator.scenario_source import ScenarioError

    try:
        app()
    except ScenarioError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        print("sfsim: stopped; nothing was written", file=sys.stderr)
        raise SystemExit(130) from None


def _load(file: Path, overrides: list[str]) -> Scenario:
    from simulator.scenario import load

    return load(file, overrides)


def _refuse(message: str) -> NoReturn:
    print(f"sfsim: {message}", file=sys.stderr)
    raise SystemExit(2)
