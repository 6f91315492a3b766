"""The learning task: a model in stages, its initial weights, its training settings, and its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from simulator.accounting.copy_on_write import CopyOnWrite
from simulator.learning.data.inputs import Inputs
from simulator.learning.evaluation import Answers, Mix, Score, score
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.cuts import Cut, Ranges, cut
from simulator.learning.models.dry_weights import DryWeights, Overlaid
from simulator.learning.models.lazy import LazyModel
from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import Objective
from simulator.settings.errors import UnfitError
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.modalities import Modality
    from simulator.learning.settings import TrainingSettings as Training

View = Mapping[str, Tensor]
"""Name -> tensor of everything that was trained. With the backbone for the rest, it makes a whole model."""


class Task:
    """What is learned, and how it is evaluated. All tensors are on one torch device, or on ``meta`` in a dry run.

    Args:
        model: a timm model or a language model; if it is not on ``meta``, it is used up.
        adaptation: which parameters are trained, and which prompts or adapters are added.
        training: the settings of training.
        test: the test samples.
        seed: of new prompts and adapters, and of dropout.
        device: the torch device of the backbone.
        attention: ``fused`` or ``math``; see ``Staged``.
        samples: the indices of the test samples that are evaluated, int64; None: all of them.
        modality: what the model takes as a sample, where more samples are to be read.
        objective: what the model is trained for; None: to classify.
        classes: the number of classes of samples; None: as many as the test samples show.
        remember: whether the outputs of frozen stages are cached; never changes a charge.
        rounds: the rounds over which the learning rate is scheduled; None: those of the settings.

    Attributes:
        model: the structure of the model.
        backbone: all initial weights; never stepped.
        training: the settings of training.
        test: the test samples.
        modality: as given.
        samples: the indices of the test samples that are evaluated, int64.
        hollow: whether what is trained has no values for now, while a trial simulates its time again.
    """

    hollow = False

    def __init__(
        self,
        model: nn.Module | LazyModel,
        adaptation: Adaptation,
        training: Training,
        test: Inputs,
        *,
        seed: int = 0,
        device: str = "cpu",
        attention: str = "fused",
        samples: Tensor | None = None,
        modality: Modality | None = None,
        objective: Objective | None = None,
        classes: int | None = None,
        remember: bool = True,
        rounds: int | None = None,
    ) -> None:
        tensors, self.model = adapted(model, adaptation, attention, remember, seed)
        self.backbone = Weights({name: tensor.detach().to(device, copy=True) for name, tensor in tensors.items()})
        self.training, self.test = training, test
        self.modality, self._classes = modality, classes
        if objective is not None:
            self.model.objective = objective
        self.samples = torch.arange(len(test)) if samples is None else samples
        self._trainable = self.model.slice(self.model.whole).trainable
        is_meta = next(iter(self.backbone.values())).is_meta
        self._all_weights = Overlaid(self.backbone) if is_meta else None
        self._seeds, self._rounds = Seeds(seed), rounds or training.rounds

    @property
    def dry(self) -> bool:
        """Whether this is a dry run, in which tensors have shapes but no values."""
        return self.hollow or next(iter(self.backbone.values())).is_meta

    @property
    def trainable_parameters(self) -> int:
        """The number of parameters that are trained, counted in scalars."""
        return sum(self.backbone[name].numel() for name in self._trainable)

    def trainable(self, ranges: Ranges | None = None) -> dict[str, Tensor]:
        """Return the initial values of the trained parameters, in the given stages or in all."""
        names = self._trainable if ranges is None else self.model.slice(ranges).trainable
        if self._all_weights is not None:
            return CopyOnWrite(self._all_weights.backbone.some(names))
        return {name: self.backbone[name] for name in names}

    def stages(self, state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Return the entries of a state by the stage of the model that they belong to.

        The stages are "embed", "prompt" where there are soft prompts, "block0", "block1", ... and "head", which has the
        final norm and the classifier. Stages without an entry are left out. An entry that two stages share, such as an
        embedding of words that is the head as well, is with both.

        Args:
            state: name -> tensor, of parameters of the model, such as ``trainable()``.

        Raises:
            KeyError: an entry is no parameter of the model.
        """
        by_stage = {}
        for index, stage in enumerate(self.model.names):
            names = self.model.slice(((index, index + 1),)).names
            if entries := {name: state[name] for name in names if name in state}:
                by_stage[stage] = entries
        known = {name for entries in by_stage.values() for name in entries}
        if unknown := [name for name in state if name not in known]:
            raise KeyError(f"{unknown[0]!r} is not a parameter of the model, so it belongs to no stage")
        return by_stage

    def last(self, state: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
        """Return the entries of a state that belong to the last blocks, with the final norm and the classifier.

        These are the entries of the tail of a cut, ``cut(head, tail=blocks)``.

        Args:
            state: name -> tensor, of parameters of the model, such as ``trainable()``.
            blocks: how many blocks; 0: the final norm and the classifier alone.

        Raises:
            UnfitError: the model has fewer blocks.
        """
        there = len(self.model.blocks)
        if not 0 <= blocks <= there:
            raise UnfitError("blocks", blocks, f"the model has {there} blocks", f"0 to {there}")
        chosen = self.model.names[self.model.blocks.stop - blocks :]
        entries = self.stages(state)
        return {name: tensor for stage in chosen for name, tensor in entries.get(stage, {}).items()}

    def weights(
        self,
        tensors: Mapping[str, Tensor],
        round: int,
        learning_rate: float | None = None,
        owner: str = "",
        scheduled: int | None = None,
    ) -> Weights:
        """Return the backbone with some tensors replaced, and with a new optimizer.

        Dropout in passes with these weights draws from a random stream keyed by the round and the owner, in the order
        of the passes.

        Args:
            tensors: name -> tensor, to be used in place of the backbone's own.
            round: the round, counted from 1, or another number by which random draws are keyed.
            learning_rate: the base rate that the schedule scales; None: the optimizer's own.
            owner: the site that trains these weights.
            scheduled: the round that sets the learning rate; None: ``round``.
        """
        rate = self.learning_rate(round if scheduled is None else scheduled, learning_rate)
        weights: Weights
        if self._all_weights is None:
            weights = Weights({**self.backbone, **tensors}, self.training.optimizer, rate)
        else:
            weights = DryWeights(self._all_weights.with_all(tensors), self.training.optimizer, rate)
        self.start_round(weights, round, owner, rate)
        return weights

    def start_round(self, weights: Weights, round: int, owner: str, learning_rate: float | None = None) -> None:
        """Prepare weights that outlive a round for the given one, unless they are prepared for it already.

        Args:
            weights: they get the round's learning rate and, where there is dropout, its random stream.
            round: the round, counted from 1.
            owner: the site that trains these weights.
            learning_rate: the rate in this round; None: as scheduled from the optimizer's own.
        """
        if weights.round == round:
            return
        weights.round = round
        weights.learning_rate = self.learning_rate(round) if learning_rate is None else learning_rate
        if self.training.lora.dropout:
            weights.random = self._seeds.stream("dropout", round, owner)

    def learning_rate(self, round: int, base: float | None = None) -> float:
        """Return the scheduled learning rate of a round.

        Args:
            round: the round, counted from 1; after the last one the rate stays.
            base: the rate that the schedule scales; None: the optimizer's own.
        """
        base = self.training.optimizer.learning_rate if base is None else base
        return base * self.training.schedule.factor(min(round, self._rounds), self._rounds)

    def part(self, weights: Weights, ranges: Ranges | None = None) -> Part:
        """Return some stages with the given weights, or all stages."""
        return Part(self.model, weights, ranges or self.model.whole)

    def cut(self, head: int, tail: int) -> Cut:
        """Cut the model into head, body and tail.

        Args:
            head: blocks in the head.
            tail: blocks in the tail.

        Raises:
            UnfitError: no block is left for the body.
            RuntimeError: the model was prepared for an algorithm that does not cut it.
        """
        if self.model.ties:
            name, other = next(iter(self.model.ties.items()))
            raise RuntimeError(
                f"{name} and {other} are one tensor of this model, which a cut may separate: an algorithm that cuts "
                "models says so by its attribute cuts_model = True"
            )
        return cut(self.model, head, tail)

    def evaluate(
        self,
        views: Sequence[View],
        personal: Sequence[tuple[View, Mix]] = (),
        took_part: Sequence[bool] | None = None,
    ) -> Score | None:
        """Evaluate models on the test samples, off the simulated clock.

        Each distinct model is evaluated once: two views of the same tensors are one model. The backbone is the server's
        own, not what devices computed with: frozen weights that were rounded (``wire_dtype``) or changed by a
        compressor on their way are not evaluated.

        Args:
            views: the trained tensors of each model that is evaluated on all test samples; the score is their mean.
            personal: for each client, the trained tensors of its model and its mix of classes.
            took_part: for each client, whether it has taken part in training; None: none has.

        Returns:
            The score; None in a dry run.
        """
        if self.dry:
            return None
        seen: dict[frozenset[tuple[str, int]], Answers] = {}

        def answers(view: View) -> Answers:
            key = frozenset((name, id(tensor)) for name, tensor in view.items())
            if key not in seen:
                seen[key] = self._answers(self.part(Weights({**self.backbone, **view})))
            return seen[key]

        return score([answers(view) for view in views], [(answers(view), mix) for view, mix in personal], took_part)

    def _answers(self, part: Part) -> Answers:
        objective = self.model.objective
        largest = self.model.sizes(part.ranges, (1, *self.test.shape))  # the first text may be a short one
        at_once = objective.evaluated_at_once(torch.Size(largest.shape).numel())
        classes = self._classes or int(self.test.labels.max()) + 1
        with torch.inference_mode():
            return objective.answers(part.infer, self.test, self.samples.split(at_once), classes)
