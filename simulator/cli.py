"""The command line. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

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
    from simulator.results import FolderTakenError
    from simulator.running import run_scenario

    try:
        run_scenario(scenario, dry=dry, out=out, force=force)
    except FolderTakenError as error:
        _refuse(str(error))
    except OSError as error:
        if not error.filename:
            raise
        _refuse(f"the run folder cannot be written: {error.strerror}: {error.filename}")
    except KeyboardInterrupt:  # here, for typer would end without a word
        _stopped()


@app.command()
def validate(file: File, overrides: Set = []) -> None:  # noqa: B006
    """Check a scenario, down to its cuts and shards, without running it."""
    scenario = _load(file, overrides)
    from simulator.trial import check

    check(scenario)
    trials = len(scenario.algorithms) * len(scenario.seeds)
    labels = ", ".join(entry.label for entry in scenario.algorithms)
    print(f"{file} is a valid scenario: {trials} trials ({labels}) on {scenario.world.clients} devices")


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="devices, links, models, datasets, partitions, algorithms, optimizers or schedules.",
            show_default=False,
        ),
    ],
    match: Annotated[str, typer.Option(help="Only names that contain this.", show_default=False, metavar="TEXT")] = "",
    sources: Annotated[bool, typer.Option("--sources", help="Where each figure comes from.")] = False,
    own: Annotated[
        Path | None, typer.Option("--catalogue", help="Devices and links of your own, too.", metavar="FILE")
    ] = None,
) -> None:
    """List what a scenario can name."""
    from contextlib import nullcontext

    from simulator import catalogue
    from simulator.listing import listing

    with catalogue.joined(str(own)) if own else nullcontext():
        try:
            found = listing(what, match, sources)
        except ValueError as error:
            _refuse(str(error))
    _print(found)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario, with which editors complete and check."""
    import json

    from simulator.schema import scenario_schema

    print(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="bundled, random, or a timm name.", show_default=False)],
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Pixels a side.", show_default="the model's own", metavar="N")
    ] = None,
    classes: Annotated[int, typer.Option(min=1, help="Of the classifier.", metavar="N")] = 10,
    train: Annotated[str, typer.Option(help="full, linear, bias or prompt.", metavar="WHAT")] = "full",
    batch_size: Annotated[int, typer.Option(min=1, help="For memory.", metavar="N")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """What a model asks: parameters, FLOPs, bytes and memory of each stage, and of each cut on the device."""
    import json

    from simulator.learning.models import ModelError
    from simulator.learning.stages import NotStagedError
    from simulator.model_sheet import sheet, tables

    try:
        found = sheet(name, image_size, classes, train, batch_size)
    except (ModelError, NotStagedError) as error:
        _refuse(str(error))
    if as_json:
        print(json.dumps(found.plain(), indent=2))
    else:
        _print(tables(found))


def main() -> None:
    """The entry point: a mistake of the user's is one message on stderr and exit status 2."""
    from simulator.scenario_source import ScenarioError

    # Before torch is loaded: threads that soon stop spinning leave the core to others. Beside a busy program a run took
    # several times as long without it.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it cleans up as after Ctrl-C
    try:
        app()
    except ScenarioError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        _stopped()


def _load(file: Path, overrides: list[str]) -> Scenario:
    from simulator.scenario import load

    return load(file, overrides)


def _stopped() -> NoReturn:
    print("sfsim: stopped; nothing was written", file=sys.stderr)
    raise SystemExit(130) from None


def _print(found: RenderableType) -> None:
    """As wide as the terminal, but never so narrow that figures are cut off; in a file as wide as they take."""
    from shutil import get_terminal_size

    from rich.console import Console

    Console(width=max(get_terminal_size().columns, 110) if sys.stdout.isatty() else 200).print(found)


def _refuse(message: str) -> NoReturn:
    print(f"sfsim: {message}", file=sys.stderr)
    raise SystemExit(2)
