"""The command line. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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
        _tell_of_tables(scenario)
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
    """Check a scenario, down to its cuts, shards and memory, without running it."""
    scenario = _load(file, overrides)
    from simulator.checking import check
    from simulator.fitting import fitted

    check(scenario)
    for entry in scenario.algorithms:
        if not entry.algorithm.needs_values:
            fitted(scenario, entry, scenario.seeds[0])
    trials = len(scenario.algorithms) * len(scenario.seeds)
    labels = ", ".join(entry.label for entry in scenario.algorithms)
    print(f"{file} is a valid scenario: {trials} trials ({labels}) on {scenario.world.clients} devices")
    _tell_of_tables(scenario)


@app.command()
def calibrate(
    file: File,
    out: Annotated[Path, typer.Option(help="The file of devices to write.", metavar="FILE")] = Path("my-machine.yaml"),
    name: Annotated[
        str | None, typer.Option(help="Of the device.", show_default="the file's, without .yaml", metavar="NAME")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each piece is timed.", metavar="N")] = 15,
    idle_power: Annotated[
        str | None, typer.Option(help='What it draws, such as "3 W".', show_default=False, metavar="WATTS")
    ] = None,
    compute_power: Annotated[
        str | None, typer.Option(help="What it draws while it computes.", show_default=False, metavar="WATTS")
    ] = None,
    overrides: Set = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Measure this machine: the model and the batches of a scenario become a device that scenarios can name."""
    watts = _watts(idle_power, compute_power)
    if out.is_dir() or (out.exists() and not force):
        _refuse(f"{out} is a folder" if out.is_dir() else f"{out} exists: name another file with --out, or say --force")
    scenario = _load(file, overrides)
    from simulator.calibration import calibrate, save, summary, written
    from simulator.checking import check

    check(scenario)
    try:
        with _bar("timing") as progress:
            found = calibrate(scenario, repeats, progress)
        save(out, written(name or out.stem, found, watts))
    except OSError as error:
        _refuse(f"{out} cannot be written: {error.strerror}")
    except KeyboardInterrupt:
        _stopped()
    print(summary(found, out, name or out.stem, bool(watts)))


@app.command()
def pretrain(
    file: Annotated[Path, typer.Argument(help="What to train, a YAML file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="Where the weights go.", show_default="runs/<name>", metavar="DIR")
    ] = None,
    overrides: Set = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Begin anew in a folder that is taken.")] = False,
) -> None:
    """Pre-train a model on this machine, for scenarios to start from (model: {weights: ...})."""
    from simulator.pretraining.loop import PretrainError
    from simulator.pretraining.running import run_pretraining
    from simulator.pretraining.settings import load

    settings = load(file, overrides)
    folder = out or Path("runs") / settings.name
    try:
        run_pretraining(settings, folder, resume, force)
    except PretrainError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{folder} cannot be written: {error.strerror}")
    except KeyboardInterrupt:
        print(f"sfsim: stopped; go on with --resume --out {folder}", file=sys.stderr)
        raise SystemExit(130) from None


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="devices, links, models, datasets, partitions, algorithms, optimizers, schedules or compressors.",
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
    keywords: Annotated[
        list[str],
        typer.Option("--keyword", help="Of timm's own, such as depth=4; repeatable.", metavar="KEY=VALUE"),
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """What a model asks: parameters, FLOPs, bytes and memory of each stage, and of each cut on the device."""
    import json

    from simulator.learning.models import ModelError
    from simulator.learning.stages import NotStagedError
    from simulator.model_sheet import sheet, tables

    try:
        found = sheet(name, image_size, classes, train, batch_size, _keywords(keywords))
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


def _keywords(said: list[str]) -> dict[str, Any]:
    """From KEY=VALUE each, values in YAML."""
    from simulator import yamlfile

    found = {}
    for each in said:
        key, equals, text = each.partition("=")
        if not equals or not key.strip():
            _refuse(f"--keyword {each}: write it as KEY=VALUE, such as depth=4")
        try:
            found[key.strip()], _ = yamlfile.parse(text)
        except yamlfile.YamlError as error:
            _refuse(f"--keyword {each}{error}")
    return found


def _tell_of_tables(scenario: Scenario) -> None:
    from simulator.calibration import unknown

    for line in unknown(scenario):
        print(line)


def _watts(idle: str | None, compute: str | None) -> dict[str, str]:
    """What a machine draws by state, checked; nothing where nothing is said."""
    from simulator.units import POWER

    said = {"idle": idle, "compute": compute}
    for state, power in said.items():
        if power is None and any(said.values()):
            _refuse("--idle-power and --compute-power go together")
        try:
            POWER.parse(power or "0 W")
        except ValueError as error:
            _refuse(f"--{state}-power is {power}: {error}")
    return {state: power for state, power in said.items() if power is not None}


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


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
