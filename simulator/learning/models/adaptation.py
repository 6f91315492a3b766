"""Adaptation of a pre-trained model for training: which parameters are trained, and what is added to the model."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from simulator.learning.models.lazy import LazyModel, Stages, stages_kept
from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.slices import Ties
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import CLASSIFIER, TRAINED, HasStages, Prompt, stages_of
from simulator.learning.models.stages.adapters import attach
from simulator.learning.models.stages.text import NextTokenHead

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training


@dataclass(frozen=True)
class Adaptation:
    """How a pre-trained model is adapted.

    Attributes:
        trained: tells whether a parameter is trained, from its name and the names of all stages in order.
        prompts: the soft prompts that are added before the first block, if any.
        lora: the adapters that are added to layers of the blocks, if any.
        tied: whether parameters that the model shares among stages stay one tensor, which only an uncut model can do.
            Where one of them is trained and the other is not, they are two all the same.
        keeps_word_head: whether a language-model head stays frozen, whatever ``trained`` says: it is as published, and
            not new as a classifier is.
    """

    trained: Callable[[str, Sequence[str]], bool]
    prompts: Prompts | None = None
    lora: Lora | None = None
    tied: bool = False
    keeps_word_head: bool = False

    @classmethod
    def of(cls, training: Training, train: str | None = None) -> Adaptation:
        """Return the adaptation that a scenario names.

        Args:
            training: has the settings of prompts and adapters, and ``train``, which is used unless the argument is set.
            train: ``full``, ``linear``, ``bias``, ``prompt`` or ``lora``.
        """
        return cls.named(train or training.train, training.prompts, training.lora)

    @classmethod
    def named(cls, train: str, prompts: Prompts, lora: Lora) -> Adaptation:
        """Return the adaptation of a name.

        Adapters, prompts and biases leave a language-model head as it is, as is usual (Hu et al., 2022; Lester et al.,
        2021; Ben Zaken et al., 2022; recalled).

        Args:
            train: ``full``, ``linear``, ``bias``, ``prompt`` or ``lora``.
            prompts: the prompts that are added, with ``prompt``.
            lora: the adapters that are added, with ``lora``.
        """
        return cls(
            lambda name, stages: TRAINED[train](name),
            prompts if train == "prompt" else None,
            lora if train == "lora" else None,
            keeps_word_head=train in ("bias", "prompt", "lora"),
        )


def adapted(
    model: nn.Module | LazyModel,
    adaptation: Adaptation,
    attention: str = "fused",
    remember: bool = True,
    seed: int = 0,
) -> tuple[dict[str, Tensor], Staged]:
    """Adapt a model.

    Args:
        model: the model. One with real weights is used up; one on ``meta`` stays as it is, and the result is cached.
        adaptation: what is trained, and what is added.
        attention: ``fused`` or ``math``; see ``Staged``.
        remember: whether the outputs of frozen stages are cached; see ``Staged``.
        seed: of the new prompts and adapters.

    Returns:
        The weights by name, and the structure that they belong to.

    Raises:
        NotStagedError: the model cannot be split into stages, or has no tokens to which prompts could be added.
        UnfitError: the model lacks the layers or blocks that adapters are wanted for, or the place for prompts.
    """
    if isinstance(model, LazyModel) or next(model.parameters()).is_meta:
        return _remembered(model, adaptation, attention, remember)
    return _adapted(_stages(model, adaptation, seed), adaptation, attention, remember, _shared(model), seed)


def _shared(model: nn.Module | LazyModel) -> Ties:
    """Return the parameters that a model shares among stages."""
    return model.ties() if isinstance(model, HasStages) else {}


def _stages(model: nn.Module, adaptation: Adaptation, seed: int = 0) -> Stages:
    prompts = adaptation.prompts
    stages = stages_of(model, prompts.length, prompts.place) if prompts else stages_of(model)
    if adaptation.lora:
        attach(stages, adaptation.lora, seed)
    return stages


def _dry_stages(model: nn.Module | LazyModel, adaptation: Adaptation) -> Stages:
    """Return the stages of a model on ``meta``, which stays as it is; outlines of them where there are any on disk."""

    def make() -> Stages:
        return _stages(_twin(model.model if isinstance(model, LazyModel) else model), adaptation)

    added = adaptation.prompts, adaptation.lora
    if not isinstance(model, LazyModel) or {type(one) for one in added} - {Prompts, Lora, type(None)}:
        return make()
    return stages_kept(model, repr(added), make)


def _adapted(
    stages: Stages, adaptation: Adaptation, attention: str, remember: bool, shared: Ties, seed: int = 0
) -> tuple[dict[str, Tensor], Staged]:
    names = list(stages)
    kept = CLASSIFIER if adaptation.keeps_word_head and isinstance(stages["head"], NextTokenHead) else None

    def trained(name: str) -> bool:
        return adaptation.trained(name, names) and not (kept and name.startswith(kept))

    pairs = shared.items() if adaptation.tied else ()
    ties = {name: other for name, other in pairs if trained(name) == trained(other)}
    weights = {name: tensor for name, tensor in nn.ModuleDict(stages).state_dict().items() if name not in ties}
    if isinstance(prompt := stages.get("prompt"), Prompt) and not prompt.tokens.is_meta:
        stages["embed"].draw_prompts(prompt.tokens, torch.Generator().manual_seed(seed))  # type: ignore[operator]
    return weights, Staged(stages, trained, attention, remember, ties)


_made: WeakKeyDictionary[nn.Module | LazyModel, dict[Any, Any]] = WeakKeyDictionary()
"""The models on ``meta``, each with the adapted models that were made from it."""


def _remembered(
    model: nn.Module | LazyModel, adaptation: Adaptation, attention: str, remember: bool
) -> tuple[dict[str, Tensor], Staged]:
    """Adapt a model on ``meta``, once for each set of trained parameters; many dry trials share one."""
    made = _made.setdefault(model, {})
    added = (
        attention,
        remember,
        *(getattr(adaptation, field.name) for field in fields(adaptation) if field.name != "trained"),
    )
    if added not in made:
        _, staged = _adapted(_dry_stages(model, adaptation), adaptation, attention, remember, {})
        made[added] = [name for name, _ in nn.ModuleDict(staged.stages).named_parameters()], staged.names
    parameters, names = made[added]
    trained = frozenset(name for name in parameters if adaptation.trained(name, names))
    if (added, trained) not in made:
        stages = _dry_stages(model, adaptation)
        made[added, trained] = _adapted(stages, adaptation, attention, remember, _shared(model))
    weights, staged = made[added, trained]
    return dict(weights), staged.anew()


def _twin(model: nn.Module) -> nn.Module:
    """Return a deep copy of a model."""
    twin: nn.Module = pickle.loads(pickle.dumps(model))  # copy.deepcopy takes six times as long
    return twin
