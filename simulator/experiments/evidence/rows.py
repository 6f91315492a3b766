"""Measured rows: one batch of a model on a device, and the seconds it took, with the source of the figure.

A file of rows is a CSV with the columns of ``COLUMNS``; ``simulator/assets/measured.csv`` has those of the package.
"""

from __future__ import annotations

import csv
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, ValidationError, model_validator

from simulator.learning.models.text.presets import PRESETS
from simulator.scenario.hardware import Precision, entries
from simulator.settings.base import Settings
from simulator.settings.bounds import MOST_IMAGE, MOST_TOKENS, BatchSize
from simulator.settings.errors import ScenarioError
from simulator.settings.wording import listed, near_miss

OURS = "measured.csv"
"""The rows that come with the package, in its assets."""
INFERENCE = frozenset({"inference", "infer", "evaluation", "eval", "forward"})
SAME = {"all": "full", "head": "linear", "head only": "linear", "classifier": "linear", "none": "", "amp": "fp16"}
SAME |= {"float32": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16"}
"""What other tables call what is trained, and precisions."""


TRAINING = frozenset({"training", "train", "", "image classification", "classification", "images", "vision"})
"""What a file may call them; what a model is for says nothing of either, and is taken as training."""
WAYS = ("full", "linear", "bias", "lora")


def _task(value: Any) -> Any:
    """Return ``training`` or ``inference`` for their names, and anything else as it is."""
    word = str(value or "").strip().lower().replace("_", " ")
    return "inference" if word in INFERENCE else "training" if word in TRAINING else value


def _blank(value: Any) -> Any:
    """Return None for an empty cell."""
    return None if isinstance(value, str) and not value.strip() else value


def _known_as(value: Any) -> Any:
    """Return our word for what other tables call otherwise; None for an empty cell."""
    word = str(value or "").strip().lower().replace("_", " ")
    return _blank(SAME.get(word, value))


Maybe = BeforeValidator(_blank)
Known = BeforeValidator(_known_as)


class Row(Settings):
    """One measured batch.

    Attributes:
        device: the device, as the catalogue names it.
        model: the model, as timm names it; ``vit_tiny`` stands for vit_tiny_patch16_224, and so on; or a language model
            as a scenario names it, such as ``bert-base-uncased``.
        task: ``training`` (forward, backward and a step of plain SGD) or ``inference``.
        train: what is trained: ``full``, ``linear`` (the classifier alone), ``bias`` or ``lora``; empty for inference.
        batch_size: samples in the batch.
        image_size_or_length: height and width of the images in pixels, or the number of tokens.
        precision: ``fp32``, ``fp16`` or ``bf16``.
        seconds: what the batch took; or ``images_per_s``.
        source: who measured it, and where it is published.
        attention: ``fused`` or ``math``, as in a scenario; None: as where the device's figures were fitted.
        used: ``fitted`` if the device's figures in the catalogue were fitted to it; ``listed`` if it is shown and
            counts for nothing, because it is not known how it was measured.
    """

    device: str = Field(min_length=1)
    model: str = Field(min_length=1)
    task: Annotated[Literal["training", "inference"], BeforeValidator(_task)] = "training"
    train: Annotated[str | None, Known] = None
    batch_size: BatchSize
    image_size_or_length: Annotated[int, Field(gt=0, le=MOST_TOKENS)]
    precision: Annotated[Precision, BeforeValidator(lambda value: _known_as(value) or "fp32")] = "fp32"
    seconds: Annotated[PositiveFloat | None, Maybe] = None
    images_per_s: Annotated[PositiveFloat | None, Maybe] = None
    source: Annotated[str | None, Maybe] = None
    attention: Annotated[Literal["fused", "math"] | None, Maybe] = None
    used: Annotated[Literal["fitted", "listed"] | None, Maybe] = None

    @model_validator(mode="after")
    def _is_complete(self) -> Row:
        if not self.source:
            raise ValueError("it has no source: say who measured it, and where it is published")
        if (self.seconds is None) == (self.images_per_s is None):
            raise ValueError("give the seconds of the batch, or images_per_s: one of them")
        if self.image_size_or_length > MOST_IMAGE and self.model not in PRESETS:
            raise ValueError(
                f"image_size_or_length is {self.image_size_or_length}: images have at most {MOST_IMAGE} pixels"
            )
        if (self.train or self.task == "training") and self.train not in WAYS:
            raise ValueError(f'train is "{self.train or ""}"{near_miss(self.train or "", WAYS) or ":"} {listed(WAYS)}')
        return self

    @property
    def measured(self) -> float:
        """The seconds of the batch."""
        return self.seconds or self.batch_size / (self.images_per_s or 1.0)

    @property
    def fitted(self) -> bool:
        """Whether the catalogue's figures of the device were fitted to this row."""
        return self.used == "fitted"


COLUMNS = tuple(Row.model_fields)


def read_rows(path: Path | None = None) -> list[Row]:
    """Return the rows of a file, or those that come with the package.

    Raises:
        ScenarioError: the file cannot be read, or a row is wrong; a line for each problem, with the file and the line.
    """
    if path is None:
        with as_file(files("simulator") / "assets" / OURS) as ours:
            return read_rows(ours)
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            table = csv.DictReader(lines)
            columns = [name.strip() for name in table.fieldnames or ()]
            table.fieldnames = columns
            cells = [(table.line_num, row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(
            f"{path} cannot be read as a CSV file: {getattr(error, 'strerror', None) or error}"
        ) from None
    needed = ("device", "model", "batch_size", "image_size_or_length", "source")
    missing = [name for name in needed if name not in columns]
    if missing or not cells:
        lacking = f"has no column {listed(missing)}" if missing else "has no rows"
        raise ScenarioError(f"{path} {lacking}; a file of measured rows has the columns {', '.join(COLUMNS[:9])}")
    problems, rows, devices = [], [], entries()["devices"]
    for line, row in cells:
        try:
            cell = {key: row.get(key) or "" for key in COLUMNS if key in columns}
            rows.append(Row.model_validate(cell, strict=False))
        except (ValidationError, ScenarioError) as error:
            problems.append(f"{path}, line {line}: {_in_words(error)}")
            continue
        if rows[-1].device not in devices:
            near = near_miss(rows[-1].device, devices) or ";"
            problems.append(
                f'{path}, line {line}: the catalogue has no device "{rows[-1].device}"{near} It has {listed(devices)}. '
                "A file of your own adds one: --catalogue FILE"
            )
    if problems:
        raise ScenarioError("\n".join(problems))
    return rows


def _in_words(error: ValidationError | ScenarioError) -> str:
    if isinstance(error, ScenarioError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    value = f' is "{first["input"]}"' if where and not isinstance(first["input"], dict) else ""
    text = first["msg"].removeprefix("Value error, ")
    return f"{where}{value}: {text}" if where else text
