"""FedLoRA: a frozen model with adapters on every device, the adapters averaged by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.algorithms.fedavg import FedAvg

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.settings import TrainingSettings as Training


class FedLora(FedAvg):
    """FedAvg of LoRA adapters and the classifier: each device holds the whole model, frozen, which it is sent once.

    Factors are averaged separately, the means of A and of B, as the field's baseline does: the product of the means is
    not the mean of the products. (``flora`` averages the products exactly.) The adapters are the training setting
    ``lora``; ``fedavg`` with ``train: lora`` is the same.
    """

    name: ClassVar[str] = "fedlora"
    ignores: ClassVar[tuple[str, ...]] = ("train",)

    def adapt(self, training: Training) -> Adaptation:
        from simulator.learning.models.adaptation import Adaptation

        return Adaptation.of(training, "lora")
