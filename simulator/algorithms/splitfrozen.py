"""SplitFrozen: devices compute frozen layers forward; adapters are trained at the server, on everybody's batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PositiveInt

from simulator.accounting.payload import Messages
from simulator.algorithms.base import OwnOrder, State, Steps, UnfitError
from simulator.algorithms.steps.mixed_batches import step_once, train_mixed
from simulator.algorithms.steps.pipeline import SMASHED, ActivationCache, ClientPipeline, take, take_graded
from simulator.algorithms.steps.shared_body import share_body, shared_body, shared_tensors
from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.algorithms.steps.split_step import check_cut, provisioned
from simulator.algorithms.steps.staging import StagedBatches

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitFrozen(SplitAlgorithm, OwnOrder):
    """SplitFrozen (Ma et al., 2025; arXiv 2503.18986): devices only compute frozen layers forward, and one set of
    adapters at the server learns from all of them.

    From the paper's abstract: device layers are frozen and only computed forward; LoRA is on the server's layers alone;
    device and server work are decoupled in a pipeline; the backward pass is decomposed. It follows that nothing is
    downloaded but the frozen layers, once, that no client's model is averaged, that one set of adapters learns from all
    devices, and that labels leave them with the smashed data: the loss is computed at the server.

    Ours: each device of the cohort adds one batch to a group; the server shuffles the group and trains on it in batches
    of ``batch_size``, a step of the optimizer each, whose state lasts. What is learned does not depend on the pipeline,
    nor on how fast anybody is. Where cuts differ, adapters start behind the deepest one, and the server computes the
    frozen blocks that a device did not. Adapters said in ``lora.blocks`` stay there, and bound the cuts that a policy
    may choose: none is offered behind the first of these blocks. Devices of a cohort take part till its end.

    Attributes:
        labels: ``private`` is refused.
        pipeline: forward, upload and server step overlap; else a device waits until the server is done with its batch.
        room: how many batches of a device wait at most, there for its uplink, and at the server for its turn; they lie
            in memory.
        backward: ``whole``: as above. ``decomposed``: the server goes forward and computes input gradients as batches
            arrive, gradients of weights when nothing else waits, and takes one step for the group, on its mean loss:
            fewer steps. With nothing to send back, that saves time only where the server has several slots.
            A table of measured seconds does not know the two halves: they go by the server's rate.
        cache: smashed data are uploaded once and kept at the server, in its memory: frozen layers compute the same each
            time. (Whether the paper does so is not known.)
    """

    name: ClassVar[str] = "splitfrozen"
    ignores: ClassVar[tuple[str, ...]] = ("train",)
    labels: Literal["sent", "private"] = "sent"
    pipeline: bool = True
    room: PositiveInt = 2
    backward: Literal["whole", "decomposed"] = "whole"
    cache: bool = False

    def _messages(self, model: Staged, at: Cut) -> Messages:
        return Messages((SMASHED,), provisioned(model, at.head))

    def adapt(self, training: Training) -> Adaptation:
        from simulator.learning.models.adaptation import Adaptation

        blocks = training.lora.blocks or (self._deepest, None)
        lora = training.lora.model_copy(update={"blocks": blocks})
        return Adaptation.of(training.model_copy(update={"lora": lora}), "lora")

    def check(self, model: Staged, training: Training) -> None:
        if self.labels == "private":
            problem = "the loss is computed at the server, so labels leave the devices"
            raise UnfitError("labels", "private", problem, "sent; or sfprompt or splitfed, whose tail is on the device")
        super().check(model, training)
        if model.slice(check_cut(model, self._deepest, 0).head).trainable:
            problem = "devices' layers are frozen, and with these lora.blocks some of them have adapters"
            raise UnfitError("head", self._deepest, problem, "lora.blocks behind the head, or null")
        if self.backward == "decomposed" and training.lora.dropout:
            problem = "batches are served as they arrive, so what lora.dropout draws for each would depend on the time"
            raise UnfitError("backward", "decomposed", problem, "whole, or a dropout of 0")
        if self.cache and training.augment:
            raise UnfitError("cache", True, "augmented images are others every time", "false, or augment: null")

    @property
    def _deepest(self) -> int:
        """Blocks on the device that has most: behind them are adapters. Before a policy has chosen, none."""
        return 0 if self.cut.chooses and not self.placement else max(self.heads)

    def begin(self, world: World, task: Task) -> State:
        share_body(world, task, task.trainable())
        return {}

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        rest = task.part(shared_body(world, task), task.cut(self._deepest, 0).rest)
        decomposed, number = self.backward == "decomposed", 0
        collect, learn = (take_graded, step_once) if decomposed else (take, train_mixed)
        with world.phase("split training"), StagedBatches(world.server) as pile:
            lines = [self._line(task, client, pile) for client in cohort]
            for line in lines:
                world.start(self._fill(world, task, line))
            while lines:
                taken = yield from world.together(*(collect(line, rest) for line in lines))
                group = {line: batch for line, batch in zip(lines, taken, strict=True) if batch}
                yield from learn(world, rest, list(group.values()), number)
                for line, batch in group.items():
                    if not decomposed:
                        pile.remove(batch)
                    yield from line.done.put(True)
                lines, number = list(group), number + 1
        return state

    def _line(self, task: Task, client: Client, pile: StagedBatches) -> ClientPipeline:
        (_, end), (_, first) = self.cut_for(task, client).head[0], task.cut(self._deepest, 0).head[0]
        skipped = task.part(task.backbone, ((end, first),)) if end < first else None
        return ClientPipeline(client, pile, self.room, overlaps=self.pipeline, skipped=skipped, keeps=self.cache)

    def _fill(self, world: World, task: Task, line: ClientPipeline) -> Steps:
        head = task.part(task.backbone, self.cut_for(task, line.client).head)
        batches = line.client.batches("train", epochs=task.training.local_epochs)
        yield from line.fill(head, batches, world.server.store(ActivationCache))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return shared_tensors(world, task.trainable())
