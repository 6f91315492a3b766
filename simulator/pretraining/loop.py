"""The loop of pre-training: epochs, checkpoints to go on from, and what it leaves."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import yaml
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

from simulator.learning.data import Images
from simulator.learning.datasets.base import DataError
from simulator.learning.models import BUNDLED, Built, ModelError, build
from simulator.learning.stages import NotStagedError
from simulator.pretraining.learner import TRIED_IMAGES, Learner, faster_precision
from simulator.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.datasets.base import Samples
    from simulator.pretraining.settings import Pretraining

CHECKPOINT, LOG, WEIGHTS, RECIPE, SETTINGS = (
    "checkpoint.pt",
    "log.csv",
    "model.safetensors",
    "model.json",
    "pretrain.yaml",
)
SAVE_SECONDS = 120.0
"""A run that is killed loses at most about this much."""


class Epoch(NamedTuple):
    """A row of ``log.csv``; the test's figures where there was a test."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    top1: float | None
    test_loss: float | None
    seconds: float


class Progress(NamedTuple):
    """After a step: how far it is, and the loss before it."""

    step: int
    steps: int
    loss: float
    images_per_s: float


class PretrainError(ValueError):
    """A folder that cannot be gone on with, or a training that has diverged."""


Show = Callable[[Progress | Epoch], Any]


def pretrain(settings: Pretraining, folder: Path, resume: bool = False, show: Show = lambda _: None) -> list[Epoch]:
    """Train a model, and leave its weights and how they came about in ``folder``.

    The same settings give the same weights (on the same machine), whether or not a run was interrupted: what is drawn
    at random depends on the seed, the epoch and the step alone.

    Args:
        folder: takes ``model.safetensors`` (fp16), ``model.json`` (architecture, recipe, what was measured),
            ``log.csv``, ``pretrain.yaml`` and, to go on from, ``checkpoint.pt``.
        resume: go on from the checkpoint in ``folder``.
        show: is called after each step and after each epoch.

    Raises:
        ScenarioError: the data or the model cannot be used; the message names the line.
        PretrainError: there is no checkpoint to resume, it is of other settings, or the loss is no number.
    """
    torch.set_num_threads(settings.threads)
    device = _device(settings)
    checkpoint = _read(folder, settings) if resume else None
    with _in_words(settings):
        raw = settings.data.load().check()
    built = _built(settings, raw.classes)
    with _in_words(settings):
        train, test = (_images(samples, built, settings, device) for samples in (raw.train, raw.test))
    settings = _with_precision(settings, checkpoint, built, train, device)
    folder.mkdir(parents=True, exist_ok=True)
    _atomically(folder / SETTINGS, lambda path: path.write_text(settings.resolved(), encoding="utf-8"))
    learner = Learner(built.model, settings, settings.precision, device)
    run = _Run(settings, folder, learner, train, test, checkpoint, show)
    log = run.to_the_end()
    _export(folder, settings, built, log, raw.classes, len(raw.test))
    return log


class _Run:
    """Where a training is."""

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
        return self.before + time.monotonic() - self.begun

    def to_the_end(self) -> list[Epoch]:
        try:
            while len(self.log) < self.settings.epochs:
                self._epoch(len(self.log))
        except KeyboardInterrupt:
            self._save()
            raise
        return self.log

    def _epoch(self, epoch: int) -> None:
        """What is left of an epoch."""
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
        share = dropping.rate if dropping and epoch < dropping.epochs else 0.0
        with self.learner.seeing(1 - share, self.seeds.integer("patches", epoch, number)):
            loss = self.learner.step(images, labels, self._rate(self.step + 1))
        if not math.isfinite(loss):
            problem = f"the loss is not a number at step {self.step + 1}: a smaller learning rate may help"
            raise PretrainError(problem)
        self.step += 1
        self.loss += loss
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
        _atomically(self.folder / CHECKPOINT, lambda path: torch.save(content, path))
        _atomically(self.folder / LOG, self._write_log)
        self.saved = time.monotonic()

    def _write_log(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(Epoch._fields)
            rows.writerows(self.log)


def _export(folder: Path, settings: Pretraining, built: Built, log: list[Epoch], classes: int, tested: int) -> None:
    """The weights, and a description of the form that the bundled model has."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in built.model.state_dict().items()}
    weights = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in kept.items()}
    _atomically(folder / WEIGHTS, lambda path: save_file(weights, path))
    recipe = {
        **_architecture(settings),
        "classes": classes,
        "mean": built.statistics[0],
        "std": built.statistics[1],
        "format": "state dict, fp16; load and cast to fp32",
        "recipe": yaml.safe_load(settings.resolved()),
        "measured": {"top1": log[-1].top1, "on": f"the {tested} test images", "epochs": len(log)},
    }
    _atomically(folder / RECIPE, lambda path: path.write_text(json.dumps(recipe, indent=2) + "\n"))


def _architecture(settings: Pretraining) -> dict[str, Any]:
    model = settings.model
    if model.name in ("bundled", "random"):
        recipe = json.loads((files("simulator") / "assets" / f"{BUNDLED}.json").read_text())
        return {"timm": recipe["timm"], "model": {**recipe["model"], "img_size": model.image_size}}
    return {"timm": model.name, "model": {"img_size": model.image_size, **model.keywords}}


def _read(folder: Path, settings: Pretraining) -> dict[str, Any]:
    """The checkpoint in a folder, if it is one of these settings."""
    try:
        found: dict[str, Any] = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
        theirs = yaml.safe_load(found["settings"])
    except FileNotFoundError:
        raise PretrainError(f"{folder} holds no checkpoint to resume: start without --resume") from None
    except Exception as error:  # of pickles, archives, or another program's file
        raise PretrainError(f"{folder / CHECKPOINT} cannot be read: {error}") from error
    ours = yaml.safe_load(settings.resolved())
    if settings.precision == "auto":
        ours["precision"] = theirs.get("precision")
    for key in ours:
        if ours[key] != theirs.get(key):
            problem = f"its {key} is {theirs.get(key)}, and now {ours[key]}"
            raise PretrainError(f"the checkpoint in {folder} is of another training: {problem}")
    return found


def _with_precision(
    settings: Pretraining, checkpoint: dict[str, Any] | None, built: Built, train: Images, device: str
) -> Pretraining:
    if settings.precision != "auto":
        return settings
    if checkpoint:
        chosen = yaml.safe_load(checkpoint["settings"])["precision"]
    else:
        some = train.rows(torch.arange(min(len(train), TRIED_IMAGES), device=device))
        chosen = faster_precision(built.model.to(device), some, device)
    return settings.model_copy(update={"precision": chosen})


def _built(settings: Pretraining, classes: int) -> Built:
    model, seed = settings.model, Seeds(settings.seed).integer("weights")
    try:
        built = build(
            model.name,
            model.image_size,
            classes,
            seed,
            model.pretrained,
            weights=model.weights,
            keywords=model.keywords,
        )
    except ModelError as error:
        raise settings.error(("model", *error.where), error.value, error.problem, error.allowed) from error
    except NotStagedError as error:
        raise settings.error(("model", "name"), model.name, str(error)) from error
    if settings.drop_tokens and not isinstance(built.model, VisionTransformer):
        problem = f"{model.name} has no tokens to drop"
        raise settings.error(("drop_tokens",), None, problem, "null, or a VisionTransformer as the model")
    return built


def _images(samples: Samples, built: Built, settings: Pretraining, device: str) -> Images:
    size = settings.model.image_size
    images = Images(
        torch.from_numpy(samples.pixels(size)), torch.from_numpy(samples.labels), built.statistics, size=size
    )
    return images.to(torch.device(device))


def _device(settings: Pretraining) -> str:
    there = torch.cuda.is_available()
    if settings.torch_device == "cuda" and not there:
        problem = "torch finds no CUDA GPU on this machine"
        raise settings.error(("torch_device",), "cuda", problem, "auto or cpu")
    return "cuda" if there and settings.torch_device != "cpu" else "cpu"


@contextmanager
def _in_words(settings: Pretraining) -> Iterator[None]:
    """What is wrong with the data, as a message about the file."""
    try:
        yield
    except DataError as error:
        raise settings.error(("data", error.key), error.value, error.problem, error.allowed) from error


def _atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Nothing half-written lies under the name."""
    partial = path.with_name(f".{path.name}.part")
    try:
        write(partial)
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
