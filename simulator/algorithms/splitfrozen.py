"""SplitFrozen: devices run frozen layers forward; the server trains adapters on the batches of all devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import OwnOrder, State, Steps, UnfitError
from simulator.algorithms.steps.mixed_batches import step_once, train_mixed
from simulator.algorithms.steps.pipeline import SMASHED, ActivationCache, ClientPipeline, take, take_graded
from simulator.algorithms.steps.shared_body import TOGETHER, share_body, shared_body, shared_tensors
from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.algorithms.steps.split_step import check_cut, provisioned
from simulator.algorithms.steps.staging import StagedBatches
from simulator.settings.bounds import Count

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitFrozen(SplitAlgorithm, OwnOrder):
    """SplitFrozen (Ma et al., 2025; arXiv 2503.18986): devices only run frozen layers forward, and one set of adapters
    at the server learns from all of them.

    From the paper's abstract: device layers are frozen and only run forward; LoRA is applied to the server's layers
    only; device and server work are decoupled in a pipeline; the backward pass is decomposed. It follows that only the
    frozen layers are downloaded, once; that no client models are averaged; that one set of adapters learns from all
    devices; and that labels leave the devices with the smashed data, since the loss is computed at the server.

    Ours: each device of the cohort adds one batch to a group; the server shuffles the group and trains on it in batches
    of ``batch_size``, one optimizer step each; the optimizer state persists. The result of training depends neither on
    the pipeline nor on the speed of any device. Where cuts differ, adapters start behind the deepest cut, and the
    server computes the frozen blocks that a device left out. Adapters set by ``lora.blocks`` stay in those blocks and
    bound the cuts that a policy may choose: no cut behind the first of them is offered. The devices of a cohort take
    part until the end of the round.

    Attributes:
        labels: only ``sent``; ``private`` is refused.
        pipeline: whether forward, upload and server step overlap; otherwise a device waits until the server is done
            with its batch.
        room: how many batches of a device may wait, both on the device for its uplink and at the server for its turn;
            they take up memory.
        backward: ``whole``: as above. ``decomposed``: the server runs forward and computes input gradients as batches
            arrive, computes weight gradients when nothing else waits, and takes one step for the group, on its mean
            loss: fewer steps. As nothing is sent back, this saves time only where the server has several slots. A table
            of measured seconds does not distinguish the two halves: their time is computed from the server's rate.
        cache: whether smashed data are uploaded once and kept in the server's memory, as frozen layers compute the same
            each time. (Whether the paper does so is not known.)
    """

    name: ClassVar[str] = "splitfrozen"
    reports_losses: ClassVar[bool] = False
    ignores: ClassVar[tuple[str, ...]] = ("train",)
    labels: Literal["sent", "private"] = "sent"
    pipeline: bool = True
    room: Count = 2
    backward: Literal["whole", "decomposed"] = "whole"
    cache: bool = False

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        return f"{TOGETHER} backward: decomposed would use them" if self.backward == "whole" else None

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
            problem = "the devices' layers are frozen, but with these lora.blocks some of them have adapters"
            raise UnfitError("head", self._deepest, problem, "lora.blocks behind the head, or null")
        if self.backward == "decomposed" and training.lora.dropout:
            problem = "batches are served as they arrive, so the random draws of lora.dropout would depend on timing"
            raise UnfitError("backward", "decomposed", problem, "whole, or a dropout of 0")
        if self.backward == "decomposed" and model.objective.name != "classification":
            problem = "batches are weighed by their samples, and here the loss is a mean over tokens"
            raise UnfitError("backward", "decomposed", problem, "whole")
        if self.cache and training.augment:
            raise UnfitError("cache", True, "augmented images differ every time", "false, or augment: null")

    @property
    def _deepest(self) -> int:
        """The largest number of blocks on any device; adapters start behind them. 0 before a policy has chosen."""
        return 0 if self.cut.chooses and not self.placement else max(self.heads)

    def begin(self, world: World, task: Task) -> State:
        share_body(world, task, task.trainable())
        return {}

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        rest = task.part(shared_body(world, task), task.cut(self._deepest, 0).rest)
        decomposed, number = self.backward == "decomposed", 0
        collect, learn = (take_graded, step_once) if decomposed else (take, train_mixed)
        with world.phase("split training"), StagedBatches(world.server) as staged:
            pipelines = [self._pipeline(task, client, staged) for client in cohort]
            for pipeline in pipelines:
                world.start(self._fill(world, task, pipeline))
            while pipelines:
                taken = yield from world.together(*(collect(pipeline, rest) for pipeline in pipelines))
                group = {pipeline: batch for pipeline, batch in zip(pipelines, taken, strict=True) if batch}
                yield from learn(world, rest, list(group.values()), number)
                for pipeline, batch in group.items():
                    if not decomposed:
                        staged.remove(batch)
                    yield from pipeline.done.put(True)
                pipelines, number = list(group), number + 1
        return state

    def _pipeline(self, task: Task, client: Client, staged: StagedBatches) -> ClientPipeline:
        """Return a client's pipeline; the server computes the frozen blocks between its cut and the deepest one."""
        (_, end), (_, first) = self.cut_for(task, client).head[0], task.cut(self._deepest, 0).head[0]
        skipped = task.part(task.backbone, ((end, first),)) if end < first else None
        return ClientPipeline(client, staged, self.room, overlaps=self.pipeline, skipped=skipped, keeps=self.cache)

    def _fill(self, world: World, task: Task, pipeline: ClientPipeline) -> Steps:
        """Send a client's batches of the round through its pipeline."""
        head = task.part(task.backbone, self.cut_for(task, pipeline.client).head)
        batches = pipeline.client.batches("train", epochs=task.training.local_epochs)
        yield from pipeline.fill(head, batches, world.server.store(ActivationCache))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return shared_tensors(world, task.trainable())
