"""Commands that look things up: `list`, `schema`, `model`, and the `trace` of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli.shared import Plugin, app, place, refuse, show, tell_version


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="devices, links, models, datasets, partitions, algorithms, drivers, selections, queues, presences, "
            "distributions, signals, staleness, cut_policies, optimizers, schedules or compressors.",
            show_default=False,
        ),
    ] = "",
    match: Annotated[
        str, typer.Option(help="List only names that contain this.", show_default=False, metavar="TEXT")
    ] = "",
    sources: Annotated[bool, typer.Option("--sources", help="Show where each figure comes from.")] = False,
    own: Annotated[
        Path | None,
        typer.Option("--catalogue", help="Also list the devices and links of your own file.", metavar="FILE"),
    ] = None,
    plugins: Plugin = [],  # noqa: B006
) -> None:
    """List what a scenario can name."""
    from contextlib import nullcontext

    from simulator.cli.listing import listing
    from simulator.scenario import hardware as catalogue

    with catalogue.joined(str(own)) if own else nullcontext():
        try:
            table = listing(what, match, sources)
        except ValueError as error:
            refuse(str(error))
    show(table)


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="scenario, sweep or search.")] = "scenario",
    plugins: Plugin = [],  # noqa: B006
) -> None:
    """Print the JSON Schema of a kind of file, for editors that complete and check YAML."""
    import json

    from simulator.scenario.schema import file_schema, scenario_schema
    from simulator.settings.wording import near_miss

    if kind == "scenario":
        found = scenario_schema()
    elif kind == "sweep":
        from simulator.experiments.sweep.settings import Sweep

        found = file_schema(Sweep)
    elif kind == "search":
        from simulator.experiments.search.settings import Search

        found = file_schema(Search)
    else:
        kinds = ("scenario", "sweep", "search")
        refuse(f'there is no schema of "{kind}"{near_miss(kind, kinds) or "; there are " + ", ".join(kinds)}')
    print(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def model(
    name: Annotated[
        str, typer.Argument(help="bundled, random, a timm name, or a language model such as gpt2.", show_default=False)
    ],
    image_size: Annotated[
        int | None,
        typer.Option(min=1, help="Image height and width in pixels.", show_default="the model's own", metavar="N"),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tokens of a text.", show_default="128, or the most that the model takes", metavar="N"
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="What a language model is trained for: classification or next_token.",
            show_default="next_token for a decoder without --classes",
            metavar="TASK",
        ),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Number of classes.", show_default="10", metavar="N")
    ] = None,
    train: Annotated[
        str, typer.Option(help="What is trained: full, linear, bias, prompt or lora.", metavar="WHAT")
    ] = "full",
    batch_size: Annotated[int, typer.Option(min=1, help="Batch size for which memory is counted.", metavar="N")] = 32,
    keywords: Annotated[
        list[str],
        typer.Option(
            "--keyword",
            help="A keyword of timm's, such as depth=4, or of a language model; repeatable.",
            metavar="KEY=VALUE",
        ),
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Show a model's parameters, FLOPs, bytes and memory: of each stage, and of the device's part at each cut."""
    import json

    from simulator.experiments.plan.model_sheet import sheet, tables
    from simulator.learning.models.stages import NotStagedError
    from simulator.settings.errors import UnfitError

    try:
        model_sheet = sheet(name, image_size, classes, train, batch_size, _keywords(keywords), length, task)
    except (UnfitError, NotStagedError) as error:
        refuse(str(error))
    if as_json:
        print(json.dumps(model_sheet.plain(), indent=2))
    else:
        show(tables(model_sheet))


@app.command()
def trace(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    trial: Annotated[
        str | None, typer.Option(help="Trace only this trial.", show_default="all", metavar="LABEL-SEED")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write.",
            show_default="RUN/trace.json.gz, or trace-TRIAL.json.gz",
            metavar="FILE",
            callback=place,
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="About how many events; of more, whole rounds are left out.", metavar="EVENTS")
    ] = 200_000,
    everything: Annotated[bool, typer.Option("--all", help="Leave nothing out, however long it is.")] = False,
) -> None:
    """Write what every device, link and slot did, and when, as a file for Perfetto (https://ui.perfetto.dev)."""
    from analysis import RunError, write_trace

    try:
        written = write_trace(folder, trial, out, None if everything else most)
    except RunError as error:
        refuse(str(error))
    tell_version(folder)
    print(written)


def _keywords(options: list[str]) -> dict[str, Any]:
    """Parse options of the form KEY=VALUE, with values in YAML; refuse others."""
    from simulator.settings import yamlfile

    keywords = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key.strip():
            refuse(f"--keyword {option}: write it as KEY=VALUE, such as depth=4")
        try:
            keywords[key.strip()], _ = yamlfile.parse(text)
        except yamlfile.YamlError as error:
            refuse(f"--keyword {option}{error}")
    return keywords
