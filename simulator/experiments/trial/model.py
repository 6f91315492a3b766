"""The model of a scenario with what it takes and what it is trained for, and the data that it is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from simulator.learning.data.datasets.texts import Texts, Vocabulary
from simulator.learning.modalities import ImageModality, Modality, TextModality
from simulator.learning.models.build import build, takes_images
from simulator.learning.models.lazy import LazyModel
from simulator.learning.models.stages import NotStagedError
from simulator.learning.models.text.build import build_text, config_of, is_text
from simulator.learning.models.text.config import changed
from simulator.learning.models.text.hub import tokenizer_source
from simulator.learning.models.text.presets import PRESETS
from simulator.learning.objectives import OBJECTIVES, Objective
from simulator.settings.errors import ScenarioError, UnfitError, located
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    from simulator.learning.data.datasets.base import DataSet, Raw
    from simulator.learning.data.tokenizer import Tokenizer
    from simulator.learning.models.text.config import TextConfig
    from simulator.scenario.scenario import ModelSettings, Scenario


def load(scenario: Scenario) -> Raw:
    """Load the data of a scenario, once for all its trials: labels at once, pixels when they are needed.

    Raises:
        ScenarioError: the data cannot be used; the message names the line.
    """
    with located(scenario, "data"):
        return _loaded(scenario.data.source)


@lru_cache(maxsize=1)
def _loaded(source: DataSet) -> Raw:
    return source.load().check()


def torch_device(scenario: Scenario, dry: bool) -> str:
    """Return the torch device of the tensors: ``meta`` (in a dry run), ``cuda`` or ``cpu``."""
    if dry:
        return "meta"
    if scenario.torch_device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return scenario.torch_device


class Built(NamedTuple):
    """A model that was built, with what it takes and what it is trained for.

    Attributes:
        model: the model with its weights; without them in a dry run.
        modality: what it takes as a sample.
        objective: what it is trained for.
    """

    model: nn.Module | LazyModel
    modality: Modality
    objective: Objective


def build_model(scenario: Scenario, seed: int, dry: bool) -> Built:
    """Build the model of a scenario.

    Args:
        scenario: the model and the data.
        seed: of new weights.
        dry: build on ``meta``, without weights.

    Raises:
        ScenarioError: there is no such model, or it cannot be trained on these data; the message names the line.
    """
    model, raw = scenario.model, load(scenario)
    kind, of_kind = ("texts", _build_text) if is_text(model.name) else ("images", _build_vision)
    if raw.kind == "texts" and kind != "texts" and not takes_images(model.name):
        problem = f"no language model is called {model.name!r}{near_miss(model.name, PRESETS)}"
        allowed = f"{listed(PRESETS)}; or one of the Hugging Face hub, as org/model"
        raise scenario.error(("model", "name"), model.name, problem, allowed)
    if raw.kind != kind:
        problem = f"{model.name} takes {kind}, and {scenario.data.name} has {raw.kind}"
        other = "gpt2, minilm or another language model" if raw.kind == "texts" else "bundled, or a model of timm"
        raise scenario.error(("model", "name"), model.name, problem, f"{other}; or data with {kind}")
    try:
        with located(scenario, "model"):
            return of_kind(scenario, raw, seed, dry)
    except NotStagedError as error:
        raise scenario.error(("model", "name"), model.name, str(error)) from error


def _build_vision(scenario: Scenario, raw: Raw, seed: int, dry: bool) -> Built:
    model = scenario.model
    built = build(model.name, model.image_size, raw.classes, seed, model.pretrained, dry, model.weights, model.keywords)
    return Built(built.model, ImageModality(built.statistics, model.image_size), OBJECTIVES[raw.task])


def _build_text(scenario: Scenario, raw: Raw, seed: int, dry: bool) -> Built:
    model = scenario.model
    classes = raw.classes if raw.task == "classification" else None
    try:
        built = build_text(
            model.name, model.length, classes, seed, model.pretrained, dry, model.weights, model.keywords
        )
    except UnfitError as error:
        if error.key != "task":
            raise
        raise scenario.error(("data", "task"), raw.task, error.problem) from error
    modality = TextModality(
        model.length,
        model.padding == "longest",
        raw.task,
        lambda: _vocabulary(scenario, raw, built.config),
        built.config.vocabulary,
    )
    return Built(built, modality, OBJECTIVES[raw.task])


def cut_off(scenario: Scenario) -> Iterator[str]:
    """Yield a line for training and test texts that are longer than the model takes.

    Texts are tokenised for it, as trials need them anyway; where that cannot be done, nothing is yielded. In the test
    part of multiple choice, each choice is a text of its own.
    """
    try:
        raw, length = load(scenario), scenario.model.length
    except ScenarioError:
        return  # the base of a sweep need not be valid
    if raw.kind != "texts":
        return
    for purpose, samples in (("train", raw.train), ("test", raw.test)):
        assert isinstance(samples, Texts)
        try:
            vocabulary = _vocabulary(scenario, raw, _config(scenario.model))
            encoded = samples.encoded(vocabulary, length)
        except (ScenarioError, UnfitError):
            return  # what is wrong is told where it stops a trial
        if encoded.truncated:
            rows = "texts" if encoded.question is None else "choices, each with its question,"
            many = f"{encoded.truncated:,} of {len(encoded.ids):,} {rows} to {purpose} with"
            yield f"model.length: {many} have more than {length:,} tokens; the rest is cut off"


def strange_tokenizer(scenario: Scenario) -> Iterator[str]:
    """Yield a line where a tokenizer that is named knows far fewer ids than the trained weights do.

    Vocabularies of weights are often filled up to a round number, but by less than a tenth.
    """
    model = scenario.model
    if model.tokenizer is None or not (model.pretrained or model.weights is not None):
        return
    try:
        if (raw := load(scenario)).kind != "texts":
            return
        config = _config(model)
        known = _vocabulary(scenario, raw, config).vocabulary
    except (ScenarioError, UnfitError):
        return  # what is wrong is told where it stops a trial
    if known < 0.9 * config.vocabulary:
        ids = f"{Path(model.tokenizer).name} knows {known:,} ids and {model.name} {config.vocabulary:,}"
        yield f"model.tokenizer: {ids}: it may be the tokenizer of another model"


def _config(model: ModelSettings) -> TextConfig:
    return changed(model.name, config_of(model.name, model.weights), model.keywords)


def _vocabulary(scenario: Scenario, raw: Raw, config: TextConfig) -> Vocabulary:
    """Return the tokenizer of the model; where texts are tokens already, its vocabulary suffices."""
    if isinstance(raw.train, Texts) and raw.train.tokenized:
        return config
    with located(scenario, "model"):
        return _tokenizer(scenario.model, config)


def _tokenizer(model: ModelSettings, config: TextConfig) -> Vocabulary:
    path = model.tokenizer or tokenizer_source(model.name, model.weights)
    if path is None:
        problem = f"no tokenizer of {model.name} is known"
        raise UnfitError("tokenizer", None, problem, "the path of its tokenizer.json, or of a GGUF file")
    tokenizer = _read_tokenizer(Path(path))
    tokenizer.check(config.vocabulary, model.length)
    return tokenizer


@lru_cache(maxsize=2)
def _read_tokenizer(path: Path) -> Tokenizer:
    from simulator.learning.data.tokenizer import Tokenizer

    return Tokenizer.load(path)
