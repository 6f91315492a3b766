"""A task: a model in stages, its starting weights, the data, and how well some weights do on the test set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.cuts import Cut, cut
from simulator.learning.data import Images, Statistics
from simulator.learning.passes import Part
from simulator.learning.prompts import Prompts
from simulator.learning.rows import Rows
from simulator.learning.staged import Ranges, Staged
from simulator.learning.stages import TRAINED, Prompt, stages_of
from simulator.learning.weights import Weights

if TYPE_CHECKING:
    from simulator.scenario_training import TrainingSettings as Training

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Adaptation:
    """How the pre-trained model is made ready.

    Attributes:
        trained: whether a parameter is trained, from its name and the names of all stages in order.
        prompts: what is added before the first block.
    """

    trained: Callable[[str, Sequence[str]], bool]
    prompts: Prompts | None = None

    @classmethod
    def of(cls, training: Training) -> Adaptation:
        """What ``training.train`` says: full, linear, bias or prompt."""
        prompts = training.prompts if training.train == "prompt" else None
        return cls(lambda name, stages: TRAINED[training.train](name), prompts)


class Score(NamedTuple):
    """Of an evaluation: the fraction of test samples that were right, and the mean cross-entropy."""

    accuracy: float
    loss: float


def adapted(
    model: nn.Module, adaptation: Adaptation, attention: str = "fused", remember: bool = True, seed: int = 0
) -> tuple[dict[str, Tensor], Staged]:
    """A timm model, adapted: its weights by name, and the structure they fit; ``model`` is used up.

    Raises:
        NotStagedError: it cannot be seen as stages, or has no tokens for prompts.
    """
    prompts = adaptation.prompts
    stages = stages_of(model, prompts.length, prompts.place) if prompts else stages_of(model)
    weights = nn.ModuleDict(stages).state_dict()
    if isinstance(prompt := stages.get("prompt"), Prompt) and not prompt.tokens.is_meta:
        prompt.reset(stages["embed"].patch_values, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
    names = list(stages)
    return weights, Staged(stages, lambda name: adaptation.trained(name, names), attention, remember)


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

    def weights(self, tensors: Mapping[str, Tensor], round: int, learning_rate: float | None = None) -> Weights:
        """The backbone with these tensors in place of its own, and a new optimizer at its rate in this round."""
        rate = self.learning_rate(round, learning_rate)
        return Weights({**self.backbone, **tensors}, self.training.optimizer, rate)

    def learning_rate(self, round: int, base: float | None = None) -> float:
        """The scheduled rate in a round: of ``base``, or of the optimizer's own."""
        base = self.training.optimizer.learning_rate if base is None else base
        return base * self.training.schedule.factor(round, self.training.rounds)

    def part(self, weights: Weights, ranges: Ranges | None = None) -> Part:
        """Some stages with these weights, or all of them."""
        return Part(self.model, weights, ranges or self.model.whole)

    def cut(self, head: int, tail: int) -> Cut:
        return cut(self.model, head, tail)

    def evaluate(self, views: Sequence[Mapping[str, Tensor]]) -> Score | None:
        """How the backbone with each view's tensors does on the test samples, as a mean; None in a dry run.

        It is off the clock.
        """
        if self.dry:
            return None
        scores = [self._score(self.part(Weights({**self.backbone, **view}))) for view in views]
        return Score(*(sum(values) / len(scores) for values in zip(*scores, strict=True)))

    def _score(self, part: Part) -> Score:
        right, loss = 0, 0.0
        with torch.inference_mode():
            for index in self.samples.split(EVALUATION_BATCH):
                labels = self.test.labels[index]
                logits: Any = part.infer(Rows(self.test, index))
                sound = logits.isfinite().all(dim=-1)  # else argmax finds class 0
                right += int(((logits.argmax(dim=-1) == labels) & sound).sum())
                loss += float(cross_entropy(logits, labels, reduction="sum"))
        return Score(right / len(self.samples), loss / len(self.samples))
