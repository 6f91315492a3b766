"""The command `init`, which writes a first scenario from flags and, on a terminal, from a few questions."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from simulator.cli.shared import Plugin, app, place, refuse, writing

T = TypeVar("T")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="The scenario to write.", metavar="FILE.yaml", callback=place)] = Path(
        "scenario.yaml"
    ),
    data: Annotated[
        str | None,
        typer.Option(
            help="A folder of images, tables (Parquet, CSV) or plain texts.",
            show_default="digits, bundled",
            metavar="FOLDER",
        ),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            help="Devices of the catalogue, with counts.", show_default="raspberry-pi-4:6,phone:4", metavar="NAME:N,..."
        ),
    ] = None,
    link: Annotated[str | None, typer.Option(help="Their link.", show_default="home-wifi", metavar="NAME")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="bundled, random or a timm name; a language model.", show_default="bundled", metavar="NAME"),
    ] = None,
    algorithms: Annotated[
        str | None,
        typer.Option(
            help="What to compare.",
            show_default="fedavg,splitfed,sfprompt; fedlora,splitlora,splitfrozen",
            metavar="NAME,...",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The accuracy to reach, 0 to 1, or none.", show_default="0.8", metavar="SHARE")
    ] = None,
    own: Annotated[
        Path | None,
        typer.Option("--catalogue", help="A file with devices and links of your own.", metavar="FILE"),
    ] = None,
    plugins: Plugin = [],  # noqa: B006
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is usual.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a first scenario, with comments, for your devices and your data; on a terminal it asks for the rest."""
    if file.is_dir() or (file.exists() and not force):
        refuse(f"{file} is a folder" if file.is_dir() else f"{file} exists: name another file, or say --force")
    if not file.parent.is_dir():
        refuse(f"there is no folder {file.parent} to write {file.name} into")
    from contextlib import nullcontext

    from simulator.scenario.hardware import joined

    with joined(str(own)) if own else nullcontext():
        _draft(file, (data, devices, link, model, algorithms, target), own, plugins, on_a_terminal() and not yes)


def _draft(file: Path, given: tuple[str | None, ...], own: Path | None, plugins: list[Path], asks: bool) -> None:
    """Make the choices that are open, write the scenario, and say what to run next.

    Args:
        file: the scenario.
        given: the choices on the command line: data, devices, link, model, algorithms, target.
        own: a catalogue of the user's own.
        plugins: the user's plug-ins.
        asks: whether questions can be asked.
    """
    from simulator.scenario import draft
    from simulator.scenario.draft_data import data_in
    from simulator.scenario.draft_texts import MODELS
    from simulator.settings.base import is_folder_name

    data, devices, link, model, algorithms, target = given

    def choice(given: str | None, question: str, usual: str, read: Callable[[str], T]) -> T:
        """Return what an option says, or else the answer to a question, or what is usual."""
        while True:
            answer = given
            if answer is None:
                answer = typer.prompt(question, default=usual, show_default=bool(usual)) if asks else usual
            try:
                return read(answer)
            except ValueError as error:
                if given is not None or not asks:
                    refuse(str(error))
                print(error)

    found = choice(data, "Folder with your images or texts, empty for digits", "", lambda text: data_in(text, file))
    if data or asks:
        print(found.words)
    groups = choice(devices, "Devices and how many of each", draft.DEVICES, draft.devices_in)
    if found.train < sum(groups.values()):
        few = f"{found.train} {found.kind} to train with are too few for {sum(groups.values())} devices"
        few = f"{data or 'digits'}: {few}"
        refuse(f"{few}, each of which needs one: choose fewer with --devices")
    chosen_link = choice(link, "Their link", draft.LINK, draft.link_in)
    texts = found.kind == "texts"
    usual = MODELS[found.task] if texts else draft.MODEL
    named, size = choice(model, "Model to fine-tune", usual, _text_model if texts else _model)
    usual = draft.TEXT_ALGORITHM_NAMES if texts else draft.ALGORITHM_NAMES
    names = choice(algorithms, "Algorithms to compare", usual, draft.algorithms_in)
    likely = draft.TARGET if found.task == "classification" else "none"
    accuracy = choice(target, "Accuracy to reach", likely, draft.target_in)
    name = file.stem if is_folder_name(file.stem) else "scenario"
    catalogue = None if own is None else os.path.relpath(own, file.absolute().parent)
    chosen = draft.Draft(name, found, groups, chosen_link, named, size, names, accuracy, catalogue)
    _write(file, chosen.text())
    if texts and algorithms is None and named not in MODELS.values() and (small := _too_large(file)):
        names = [name for name in names if name not in small]
        if names:
            print(f"Left out, as it does not fit into the memory of these devices: {', '.join(small)}.")
            _write(file, replace(chosen, algorithms=names).text())
        else:
            names = list(chosen.algorithms)
    print(f"Wrote {file}, to run on {sum(groups.values())} devices: {', '.join(names)}.")
    loaded = (word for plugin in plugins for word in ("--plugin", str(plugin)))
    command = shlex.join(["sfsim", "run", str(file), *loaded])
    print(f"Next: {command} --dry   (all but accuracy, without training)")
    print(f"Then: {command}")


def _too_large(file: Path) -> list[str]:
    """Return the names of the algorithms of a scenario that do not fit into the memory of its devices."""
    from simulator.experiments.trial.memory_check import dry_run_that_fits
    from simulator.scenario.scenario import load
    from simulator.settings.errors import ScenarioError

    scenario, small = load(file), []
    for entry in scenario.algorithms:
        try:
            dry_run_that_fits(scenario, entry, scenario.seeds[0], early=True)
        except ScenarioError:
            small.append(entry.name)
    return small


def on_a_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _model(name: str) -> tuple[str, int]:
    """Return the name of a model and the size of its images in pixels; raise ``ValueError`` if there is none."""
    from simulator.scenario.draft import OWN_MODELS

    name = name.strip()
    if name in OWN_MODELS:
        return name, 32
    from timm import get_pretrained_cfg

    from simulator.cli.listing import models
    from simulator.settings.wording import near_miss

    if name not in (known := models()):
        near = near_miss(name, (*OWN_MODELS, *known))
        raise ValueError(f'there is no model "{name}"{near} (sfsim list models shows all)')
    config = get_pretrained_cfg(name)
    return name, int(config.input_size[-1]) if config else 224


def _text_model(name: str) -> tuple[str, int]:
    """Return the name of a language model and how many tokens it takes; raise ``ValueError`` if there is none."""
    from simulator.learning.models.text.build import is_text
    from simulator.learning.models.text.presets import PRESETS
    from simulator.scenario.model import ModelSettings
    from simulator.settings.wording import listed, near_miss

    name = name.strip()
    if not is_text(name):
        there = f"there are {listed(PRESETS)}; or one of the Hugging Face hub, as org/model"
        raise ValueError(f'there is no language model "{name}"{near_miss(name, PRESETS)} ({there})')
    return name, int(ModelSettings.model_fields["length"].default)


def _write(file: Path, text: str) -> None:
    """Write a scenario if it is a valid one; otherwise nothing, and refuse."""
    from simulator.experiments.trial.validate import check
    from simulator.scenario.scenario import load
    from simulator.settings.disk import written
    from simulator.settings.errors import ScenarioError

    draft = file.with_name(f".{file.name}")
    try:
        with writing(), written(file, draft):
            draft.write_text(text, encoding="utf-8")
            check(load(draft))
            draft.replace(file)
    except ScenarioError as error:
        refuse(f"nothing was written, as this is not a valid scenario:\n{str(error).replace(str(draft), str(file))}")
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
