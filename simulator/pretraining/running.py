"""Pre-train from the command line, with progress on the console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from simulator.pretraining.loop import CHECKPOINT, WEIGHTS, Epoch, PretrainError, Progress, pretrain
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.pretraining.settings import Pretraining


def run_pretraining(
    settings: Pretraining, folder: Path, resume: bool = False, force: bool = False, console: Console | None = None
) -> list[Epoch]:
    """Pre-train into a folder and show progress; return the log.

    Args:
        settings: the recipe.
        folder: the folder for the weights, as in ``pretrain``.
        resume: continue from the checkpoint in ``folder``.
        force: replace what an earlier training left in ``folder``.
        console: where progress is printed; None: standard output.

    Raises:
        PretrainError: the folder is not empty and neither ``resume`` nor ``force`` is given, or both are given; or as
            for ``pretrain``.
        ScenarioError: as for ``pretrain``.
    """
    if resume and force:
        raise PretrainError("--resume continues a training and --force starts again: use only one of them")
    if not resume and not force and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        content = "holds a training" if (folder / CHECKPOINT).exists() else "exists and is not empty"
        raise PretrainError(
            f"{folder} {content}: go on with --resume, replace it with --force, or name another with --out"
        )
    console = console or Console(width=None if sys.stdout.isatty() else 100, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, TextColumn("{task.fields[state]}"), console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(settings.name, total=None, state="reading the data")

        def show(news: Progress | Epoch) -> None:
            if isinstance(news, Epoch):
                console.print(_line(news, settings))
            else:
                state = f"loss {news.loss:.3f}, {news.images_per_s:.0f} images/s"
                bars.update(bar, completed=news.step, total=news.steps, state=state)

        log = pretrain(settings, folder, resume, show)
    console.print(f"Weights: {folder / WEIGHTS}", soft_wrap=True, markup=False)
    return log


def _line(epoch: Epoch, settings: Pretraining) -> str:
    tested = f", test {epoch.test_loss:.3f}, top-1 {epoch.top1:.1%}" if epoch.top1 is not None else ""
    took = human("seconds", epoch.seconds)
    return f"epoch {epoch.epoch} of {settings.epochs}: loss {epoch.train_loss:.3f}{tested}, after {took}"
