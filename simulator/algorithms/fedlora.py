"""FedLoRA: a frozen model with LoRA adapters on every device; the server averages the adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.algorithms.fedavg import FedAvg

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.settings import TrainingSettings as Training


class FedLora(FedAvg):
    """FedAvg of LoRA adapters and the classifier: each device holds the whole frozen model, which it is sent once.

    The factors A and B are averaged separately, as in the field's baseline; the product of the means is not the mean of
    the products. (``flora`` averages the products exactly.) The training setting ``lora`` configures the adapters.
    ``fedavg`` with ``train: lora`` is the same algorithm.
    """

    name: ClassVar[str] = "fedlora"
    ignores: ClassVar[tuple[str, ...]] = ("train",)

    def adapt(self, training: Training) -> Adaptation:
        from simulator.learning.models.adaptation import Adaptation

        return Adaptation.of(training, "lora")
