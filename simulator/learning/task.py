"""A task: a model in stages, its starting weights, the data, and how well some weights do on the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.data.images import Images, Statistics
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.evaluation import Answers, Mix, Score, score
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.cuts import Cut, Ranges, cut
from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training

EVALUATION_BATCH = 256
View = Mapping[str, Tensor]
"""Name -> tensor of all that was trained: a model, where the rest is the backbone."""


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
        self.start_round(weights, round, owner, rate)
        return weights

    def start_round(self, weights: Weights, round: int, owner: str, learning_rate: float | None = None) -> None:
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
                logits: Any = part.infer(LazyBatch(self.test, index))
                sound = logits.isfinite().all(dim=-1)  # else argmax finds class 0
                hit, classes = (logits.argmax(dim=-1) == labels) & sound, logits.shape[-1]
                counts += torch.stack([torch.bincount(some, minlength=classes) for some in (labels[hit], labels)])
                loss += float(cross_entropy(logits, labels, reduction="sum"))
        right, samples = counts
        return Answers(right, samples, loss)
