"""Looking things up: `list`, `schema`, `model`, and the `trace` of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli.shared import app, refuse, show, tell_version


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="devices, links, models, datasets, partitions, algorithms, drivers, selections, queues, cut_policies, "
            "optimizers, schedules or compressors.",
            show_default=False,
        ),
    ] = "",
    match: Annotated[str, typer.Option(help="Only names that contain this.", show_default=False, metavar="TEXT")] = "",
    sources: Annotated[bool, typer.Option("--sources", help="Where each figure comes from.")] = False,
    own: Annotated[
        Path | None, typer.Option("--catalogue", help="Devices and links of your own, too.", metavar="FILE")
    ] = None,
) -> None:
    """List what a scenario can name."""
    from contextlib import nullcontext

    from simulator.cli.listing import listing
    from simulator.scenario import hardware as catalogue

    with catalogue.joined(str(own)) if own else nullcontext():
        try:
            found = listing(what, match, sources)
        except ValueError as error:
            refuse(str(error))
    show(found)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario, with which editors complete and check."""
    import json

    from simulator.scenario.schema import scenario_schema

    print(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="bundled, random, or a timm name.", show_default=False)],
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Pixels a side.", show_default="the model's own", metavar="N")
    ] = None,
    classes: Annotated[int, typer.Option(min=1, help="Of the classifier.", metavar="N")] = 10,
    train: Annotated[str, typer.Option(help="full, linear, bias, prompt or lora.", metavar="WHAT")] = "full",
    batch_size: Annotated[int, typer.Option(min=1, help="For memory.", metavar="N")] = 32,
    keywords: Annotated[
        list[str],
        typer.Option("--keyword", help="Of timm's own, such as depth=4; repeatable.", metavar="KEY=VALUE"),
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """What a model asks: parameters, FLOPs, bytes and memory of each stage, and of each cut on the device."""
    import json

    from simulator.experiments.plan.model_sheet import sheet, tables
    from simulator.learning.models.stages import NotStagedError
    from simulator.settings.errors import UnfitError

    try:
        found = sheet(name, image_size, classes, train, batch_size, _keywords(keywords))
    except (UnfitError, NotStagedError) as error:
        refuse(str(error))
    if as_json:
        print(json.dumps(found.plain(), indent=2))
    else:
        show(tables(found))


@app.command()
def trace(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    trial: Annotated[str | None, typer.Option(help="Only this one.", show_default="all", metavar="LABEL-SEED")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A file.", show_default="RUN/trace.json.gz, or trace-TRIAL.json.gz", metavar="FILE"),
    ] = None,
) -> None:
    """Write what every device, link and slot did, and when, as a file for Perfetto (https://ui.perfetto.dev)."""
    from analysis import RunError, write_trace

    try:
        written = write_trace(folder, trial, out)
    except RunError as error:
        refuse(str(error))
    tell_version(folder)
    print(written)


def _keywords(said: list[str]) -> dict[str, Any]:
    """From KEY=VALUE each, values in YAML."""
    from simulator.settings import yamlfile

    found = {}
    for each in said:
        key, equals, text = each.partition("=")
        if not equals or not key.strip():
            refuse(f"--keyword {each}: write it as KEY=VALUE, such as depth=4")
        try:
            found[key.strip()], _ = yamlfile.parse(text)
        except yamlfile.YamlError as error:
            refuse(f"--keyword {each}{error}")
    return found
