"""A task: a model in stages, its starting weights, the data, and how well some weights do on the test set."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.cuts import Cut, cut
from simulator.learning.data import Images, Statistics
from simulator.learning.evaluation import Answers, Mix, Score, score
from simulator.learning.lora import Lora
from simulator.learning.passes import Part
from simulator.learning.prompts import Prompts
from simulator.learning.rows import Rows
from simulator.learning.staged import Ranges, Staged
from simulator.learning.stages import TRAINED, Prompt, stages_of
from simulator.learning.stages.adapters import attach
from simulator.learning.weights import Weights
from simulator.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario_training import TrainingSettings as Training

EVALUATION_BATCH = 256
View = Mapping[str, Tensor]
"""Name -> tensor of all that was trained: a model, where the rest is the backbone."""


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
        LoraError: it has no such layers or blocks for adapters.
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


class Task:
    """What is learned. Tensors live on one torch device, or on ``meta`` in a dry run.

    Attributes:
        model: the structure.
        backbone: all starting weights; never stepped.
        training: the settings.
    """

    def __init__(
        self,
        vit: nn.Module,
        adaptation: Adaptation,
        training: Training,
        test: Images,
        *,
        seed: int = 0,
        device: str = "cpu",
        attention: str = "fused",
        samples: Tensor | None = None,
        statistics: Statistics = ((0.5,) * 3, (0.5,) * 3),
        remember: bool = True,
    ) -> None:
        tensors, self.model = adapted(vit, adaptation, attention, remember, seed)
        self.backbone = Weights({name: tensor.detach().to(device, copy=True) for name, tensor in tensors.items()})
        self.training, self.test, self.statistics = training, test, statistics
        self.samples = torch.arange(len(test)) if samples is None else samples
        self._trainable = self.model.slice(self.model.whole).trainable
        self._seeds = Seeds(seed)

    @property
    def dry(self) -> bool:
        return next(iter(self.backbone.values())).is_meta

    @property
    def trainable_parameters(self) -> int:
        return sum(self.backbone[name].numel() for name in self._trainable)

    def trainable(self, ranges: Ranges | None = None) -> dict[str, Tensor]:
        """The starting values of what is trained, in some stages or in all."""
        names = self._trainable if ranges is None else self.model.slice(ranges).trainable
        return {name: self.backbone[name] for name in names}

    def weights(
        self, tensors: Mapping[str, Tensor], round: int, learning_rate: float | None = None, owner: str = ""
    ) -> Weights:
        """The backbone with these tensors in place of its own, and a new optimizer at its rate in this round.

        What dropout draws in passes with them is keyed by the round and the ``owner``, and by their order.
        """
        rate = self.learning_rate(round, learning_rate)
        weights = Weights({**self.backbone, **tensors}, self.training.optimizer, rate)
        self.renew(weights, round, owner, rate)
        return weights

    def renew(self, weights: Weights, round: int, owner: str, learning_rate: float | None = None) -> None:
        """Make weights that last ready for a round, if they are not yet: its learning rate, and what dropout draws."""
        if weights.round == round:
            return
        weights.round = round
        weights.learning_rate = self.learning_rate(round) if learning_rate is None else learning_rate
        if self.training.lora.dropout:
            weights.random = self._seeds.stream("dropout", round, owner)

    def learning_rate(self, round: int, base: float | None = None) -> float:
        """The scheduled rate in a round: of ``base``, or of the optimizer's own."""
        base = self.training.optimizer.learning_rate if base is None else base
        return base * self.training.schedule.factor(round, self.training.rounds)

    def part(self, weights: Weights, ranges: Ranges | None = None) -> Part:
        """Some stages with these weights, or all of them."""
        return Part(self.model, weights, ranges or self.model.whole)

    def cut(self, head: int, tail: int) -> Cut:
        return cut(self.model, head, tail)

    def evaluate(self, views: Sequence[View], personal: Sequence[tuple[View, Mix]] = ()) -> Score | None:
        """How the backbone with each view's tensors does on the test samples, as a mean; None in a dry run.

        It is off the clock, and looks once at each distinct model: two views of the same tensors are one. The backbone
        is the server's own: what devices made do with, frozen weights that ``wire_dtype`` rounded or a compressor
        changed on their way, is not what is evaluated.

        Args:
            views: name -> tensor of what was trained.
            personal: for each client, the view that it uses and how many samples of each class it has.
        """
        if self.dry:
            return None
        seen: dict[frozenset[tuple[str, int]], Answers] = {}

        def answers(view: View) -> Answers:
            key = frozenset((name, id(tensor)) for name, tensor in view.items())
            if key not in seen:
                seen[key] = self._answers(self.part(Weights({**self.backbone, **view})))
            return seen[key]

        return score([answers(view) for view in views], [(answers(view), mix) for view, mix in personal])

    def _answers(self, part: Part) -> Answers:
        counts: Any = 0
        loss = 0.0
        with torch.inference_mode():
            for index in self.samples.split(EVALUATION_BATCH):
                labels = self.test.labels[index]
                logits: Any = part.infer(Rows(self.test, index))
                sound = logits.isfinite().all(dim=-1)  # else argmax finds class 0
                hit, classes = (logits.argmax(dim=-1) == labels) & sound, logits.shape[-1]
                counts += torch.stack([torch.bincount(some, minlength=classes) for some in (labels[hit], labels)])
                loss += float(cross_entropy(logits, labels, reduction="sum"))
        right, samples = counts
        return Answers(right, samples, loss)
