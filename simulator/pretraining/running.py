"""A pre-training with progress to look at."""

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
    """Pre-train into a folder, showing how far it is.

    Raises:
        PretrainError: there is something in the folder, and neither ``resume`` nor ``force`` says what to do about it;
            or as ``pretrain``.
        ScenarioError: as ``pretrain``.
    """
    if resume and force:
        raise PretrainError("--resume goes on with a training and --force begins anew: say one of them")
    if not resume and not force and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        what = "holds a training" if (folder / CHECKPOINT).exists() else "exists and is not empty"
        raise PretrainError(
            f"{folder} {what}: go on with --resume, replace it with --force, or name another with --out"
        )
    console = console or Console(width=None if sys.stdout.isatty() else 100)
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
    console.print(f"Weights: {folder / WEIGHTS}", soft_wrap=True)
    return log


def _line(epoch: Epoch, settings: Pretraining) -> str:
    tested = f", test {epoch.test_loss:.3f}, top-1 {epoch.top1:.1%}" if epoch.top1 is not None else ""
    took = human("seconds", epoch.seconds)
    return f"epoch {epoch.epoch} of {settings.epochs}: loss {epoch.train_loss:.3f}{tested}, after {took}"
