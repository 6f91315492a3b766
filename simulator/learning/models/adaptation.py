"""How a pre-trained model is made ready for training."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, Prompt, stages_of
from simulator.learning.models.stages.adapters import attach

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training


@dataclass(frozen=True)
class Adaptation:
    """How the pre-trained model is made ready.

    Attributes:
        trained: whether a parameter is trained, from its name and the names of all stages in order.
        prompts: what is added before the first block.
        lora: the adapters beside layers of the blocks.
    """

    trained: Callable[[str, Sequence[str]], bool]
    prompts: Prompts | None = None
    lora: Lora | None = None

    @classmethod
    def of(cls, training: Training, train: str | None = None) -> Adaptation:
        """What ``train``, or else ``training.train``, says: full, linear, bias, prompt or lora."""
        train = train or training.train
        prompts = training.prompts if train == "prompt" else None
        lora = training.lora if train == "lora" else None
        return cls(lambda name, stages: TRAINED[train](name), prompts, lora)


def adapted(
    model: nn.Module, adaptation: Adaptation, attention: str = "fused", remember: bool = True, seed: int = 0
) -> tuple[dict[str, Tensor], Staged]:
    """A timm model, adapted: its weights by name, and the structure they fit.

    A real ``model`` is used up. One on ``meta`` stays as it is, and what was made of it is remembered.

    Raises:
        NotStagedError: it cannot be seen as stages, or has no tokens for prompts.
        UnfitError: it has no such layers or blocks for adapters.
    """
    if next(model.parameters()).is_meta:
        return _remembered(model, adaptation, attention, remember)
    return _adapted(model, adaptation, attention, remember, seed)


def _adapted(
    model: nn.Module, adaptation: Adaptation, attention: str, remember: bool, seed: int = 0
) -> tuple[dict[str, Tensor], Staged]:
    prompts = adaptation.prompts
    stages = stages_of(model, prompts.length, prompts.place) if prompts else stages_of(model)
    if adaptation.lora:
        attach(stages, adaptation.lora, seed)
    weights = nn.ModuleDict(stages).state_dict()
    if isinstance(prompt := stages.get("prompt"), Prompt) and not prompt.tokens.is_meta:
        prompt.reset(stages["embed"].patch_values, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
    names = list(stages)
    return weights, Staged(stages, lambda name: adaptation.trained(name, names), attention, remember)


_made: WeakKeyDictionary[nn.Module, dict[Any, Any]] = WeakKeyDictionary()
"""Models on ``meta``, and what was made of each."""


def _remembered(
    model: nn.Module, adaptation: Adaptation, attention: str, remember: bool
) -> tuple[dict[str, Tensor], Staged]:
    """As ``_adapted``, made once for each set of parameters that are trained: many dry trials have the same."""
    made = _made.setdefault(model, {})
    added = (
        attention,
        remember,
        *(getattr(adaptation, each.name) for each in fields(adaptation) if each.name != "trained"),
    )
    if added not in made:
        _, staged = _adapted(_twin(model), adaptation, attention, remember)
        made[added] = [name for name, _ in nn.ModuleDict(staged.stages).named_parameters()], staged.names
    names, stages = made[added]
    trained = frozenset(name for name in names if adaptation.trained(name, stages))
    if (added, trained) not in made:
        made[added, trained] = _adapted(_twin(model), adaptation, attention, remember)
    weights, staged = made[added, trained]
    return dict(weights), staged.anew()


def _twin(model: nn.Module) -> nn.Module:
    twin: nn.Module = pickle.loads(pickle.dumps(model))  # a deep copy takes six times as long
    return twin
