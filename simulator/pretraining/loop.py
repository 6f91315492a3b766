"""The loop of pre-training: epochs, the saved state from which an interrupted training resumes, and the final files.

Here a checkpoint is that saved state, with weights, optimizer state and log (``checkpoint.pt``). The trained weights
alone are in ``model.safetensors``, which ``learning.models.checkpoints`` can load.
"""

from __future__ import annotations

import csv
import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from simulator.learning.data.images import Images
from simulator.pretraining.exporting import as_file, description
from simulator.pretraining.learner import TRIED_IMAGES, Learner, faster_precision
from simulator.pretraining.preparing import built, chosen_device, decoded, read
from simulator.settings.disk import written
from simulator.settings.files import atomically
from simulator.settings.interrupts import SIGNALS
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.pretraining.settings import Pretraining

CHECKPOINT, LOG, WEIGHTS, RECIPE, SETTINGS = (
    "checkpoint.pt",
    "log.csv",
    "model.safetensors",
    "model.json",
    "pretrain.yaml",
)
SAVE_SECONDS = 120.0
"""Seconds between two checkpoints: a training that is killed loses about this much at most."""


class Epoch(NamedTuple):
    """A row of ``log.csv``.

    Attributes:
        epoch: the number of the epoch, from 1.
        step: the number of steps so far.
        learning_rate: the learning rate at the last step.
        train_loss: the mean loss over the epoch's batches.
        top1: accuracy on the test images, a fraction; None if they were not evaluated after this epoch.
        test_loss: mean cross-entropy on the test images; None if they were not evaluated.
        seconds: wall-clock seconds of training so far.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    top1: float | None
    test_loss: float | None
    seconds: float


class Progress(NamedTuple):
    """The progress after a step.

    Attributes:
        step: the number of steps so far.
        steps: the number of steps in all.
        loss: the loss of the step's batch, before the step.
        images_per_s: images per second in this step.
    """

    step: int
    steps: int
    loss: float
    images_per_s: float


class PretrainError(ValueError):
    """A folder in which training cannot continue, or a training that has diverged."""


Show = Callable[[Progress | Epoch], Any]
"""Called after each step and after each epoch."""


def pretrain(settings: Pretraining, folder: Path, resume: bool = False, show: Show = lambda _: None) -> list[Epoch]:
    """Train a model, write its weights and their provenance into a folder, and return the log.

    The same settings give the same weights (on the same machine, at the same precision), whether or not a run was
    interrupted: what is drawn at random depends on the seed, the epoch and the step alone, and no step is left half
    done.

    Args:
        settings: the recipe.
        folder: receives ``model.safetensors`` (fp16), ``model.json`` (architecture, recipe, measured accuracy),
            ``log.csv``, ``pretrain.yaml`` and, to resume from, ``checkpoint.pt``.
        resume: continue from the checkpoint in ``folder``.
        show: called after each step and after each epoch.

    Raises:
        ScenarioError: the data or the model cannot be used; the message names the line.
        PretrainError: there is no checkpoint to resume, it has other settings, or the loss is not a number.
    """
    torch.set_num_threads(settings.threads)
    device = chosen_device(settings)
    checkpoint = _read(folder, settings) if resume else None
    raw = read(settings)
    model, statistics = built(settings, raw.classes)
    train, test = (decoded(samples, statistics, settings, device) for samples in (raw.train, raw.test))
    settings = _with_precision(settings, checkpoint, model, train, device)
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in () if resume else (CHECKPOINT, LOG, WEIGHTS, RECIPE):  # files of an earlier training
        (folder / name).unlink(missing_ok=True)
    atomically(folder / SETTINGS, lambda path: path.write_text(settings.resolved(), encoding="utf-8"))
    learner = Learner(model, settings, settings.precision, device)
    log = _Run(settings, folder, learner, train, test, checkpoint, show).to_the_end()
    rounded = as_file(learner.model)
    atomically(folder / WEIGHTS, lambda path: save_file(rounded, path))
    recipe = description(settings, statistics, raw.classes, learner.score(test)[0], len(test))
    atomically(folder / RECIPE, lambda path: path.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8"))
    return log


class _Run:
    """A training in progress, new or resumed from a checkpoint."""

    def __init__(
        self,
        settings: Pretraining,
        folder: Path,
        learner: Learner,
        train: Images,
        test: Images,
        checkpoint: dict[str, Any] | None,
        show: Show,
    ) -> None:
        self.settings, self.folder, self.learner, self.show = settings, folder, learner, show
        self.train, self.test = train, test
        self.seeds = Seeds(settings.seed)
        self.per_epoch = math.ceil(len(train) / settings.batch_size)
        self.steps = settings.epochs * self.per_epoch
        self.step, self.loss, self.log, self.before = 0, 0.0, list[Epoch](), 0.0
        if checkpoint:
            learner.restore(checkpoint["learner"])
            self.step, self.loss = checkpoint["step"], checkpoint["loss"]
            self.log = [Epoch(*row) for row in checkpoint["log"]]
            self.before = checkpoint["seconds"]
        self.begun = self.saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of training so far, over all its runs."""
        return self.before + time.monotonic() - self.begun

    def to_the_end(self) -> list[Epoch]:
        """Train all epochs that are left, and return the log; save a checkpoint if interrupted."""
        try:
            while len(self.log) < self.settings.epochs:
                self._epoch(len(self.log))
        except KeyboardInterrupt:
            self._save()  # thanks to ``unbroken`` this is between two steps, or during an evaluation
            raise
        return self.log

    def _epoch(self, epoch: int) -> None:
        """Train the steps that are left of an epoch, then evaluate, log and save."""
        size = self.settings.batch_size
        order = torch.from_numpy(self.seeds.stream("batches", epoch).permutation(len(self.train)))
        for number in range(self.step - epoch * self.per_epoch, self.per_epoch):
            self._batch(epoch, number, order[number * size : (number + 1) * size])
        due = (epoch + 1) % self.settings.evaluate_every == 0 or self.step == self.steps
        top1, loss = self.learner.score(self.test) if due else (None, None)
        mean, self.loss = self.loss / self.per_epoch, 0.0
        self.log.append(Epoch(epoch + 1, self.step, self._rate(self.step), mean, top1, loss, self.seconds))
        self._save()
        self.show(self.log[-1])

    def _batch(self, epoch: int, number: int, index: torch.Tensor) -> None:
        begun = time.perf_counter()
        index = index.to(self.train.labels.device)
        images, labels = self.train.rows(index), self.train.labels[index]
        if self.settings.augment:
            images = self.settings.augment.apply(images, self.seeds.stream("augmentation", epoch, number))
        dropping = self.settings.drop_tokens
        dropped = dropping.rate if dropping and epoch < dropping.epochs else 0.0
        with unbroken(), self.learner.seeing(1 - dropped, self.seeds.integer("patches", epoch, number)):
            loss = self.learner.step(images, labels, self._rate(self.step + 1))
            self.step += 1
            self.loss += loss
        if not math.isfinite(loss):
            raise PretrainError(f"the loss is not a number at step {self.step}: a smaller learning rate may help")
        self.show(Progress(self.step, self.steps, loss, len(index) / (time.perf_counter() - begun)))
        if time.monotonic() - self.saved > SAVE_SECONDS and number + 1 < self.per_epoch:
            self._save()

    def _rate(self, step: int) -> float:
        return self.settings.optimizer.learning_rate * self.settings.schedule.factor(step, self.steps)

    def _save(self) -> None:
        content = {
            "settings": self.settings.resolved(),
            "step": self.step,
            "loss": self.loss,
            "log": [tuple(row) for row in self.log],
            "seconds": self.seconds,
            "learner": self.learner.state(),
        }
        atomically(self.folder / CHECKPOINT, lambda path: _save_to(path, content))
        atomically(self.folder / LOG, self._write_log)
        self.saved = time.monotonic()

    def _write_log(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(Epoch._fields)
            rows.writerows(self.log)


def _save_to(path: Path, content: dict[str, Any]) -> None:
    # Into a file of Python's: where torch opens it, an error has no number, such as that of a full disk.
    with path.open("wb") as file:
        torch.save(content, file)


def _read(folder: Path, settings: Pretraining) -> dict[str, Any]:
    """Read the checkpoint in a folder, and check that it has these settings."""
    try:
        checkpoint: dict[str, Any] = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
        stored = yaml.safe_load(checkpoint["settings"])
    except FileNotFoundError:
        raise PretrainError(f"{folder} holds no checkpoint to resume: start without --resume") from None
    except Exception as error:  # whatever unpickling or unzipping a foreign file may raise
        raise PretrainError(f"{folder / CHECKPOINT} cannot be read: {error}") from error
    current = yaml.safe_load(settings.resolved())
    if settings.precision == "auto":
        current["precision"] = stored.get("precision")
    for key in current:
        if current[key] != stored.get(key):
            problem = f"its {key} is {stored.get(key)}, and now {current[key]}"
            raise PretrainError(f"the checkpoint in {folder} is of another training: {problem}")
    return checkpoint


@contextmanager
def unbroken() -> Iterator[None]:
    """Delay the signals that ask to stop until the end of the context, where they raise ``KeyboardInterrupt``."""
    signals = []
    try:
        obeyed = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores one
        handlers = {number: signal.signal(number, lambda *_: signals.append(True)) for number in obeyed}
    except ValueError:  # not the main thread, which alone receives signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if signals:
        raise KeyboardInterrupt


def _with_precision(
    settings: Pretraining, checkpoint: dict[str, Any] | None, model: nn.Module, train: Images, device: str
) -> Pretraining:
    """Return the settings with ``auto`` replaced by the checkpoint's precision, or by the faster one."""
    if settings.precision != "auto":
        return settings
    if checkpoint:
        chosen = yaml.safe_load(checkpoint["settings"])["precision"]
    else:
        images = train.rows(torch.arange(min(len(train), TRIED_IMAGES), device=device))
        chosen = faster_precision(deepcopy(model).to(device), images, device)  # a copy: batch statistics change
    return settings.model_copy(update={"precision": chosen})
