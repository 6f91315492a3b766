"""A model in training, with everything on which its next step depends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from timm.layers import PatchDropout
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.optimizers.base import Slots

if TYPE_CHECKING:
    from simulator.learning.data.images import Images
    from simulator.pretraining.settings import Pretraining

EVALUATION_BATCH = 512
"""Images in a batch of the evaluation."""
TRIES = 2
"""How often each precision is timed; the fastest counts."""
TRIED_IMAGES = 32
"""At most this many images are in the batch with which precisions are timed."""


class Learner:
    """A model with the state of its optimizer and the rule of a step.

    Args:
        model: maps images [N, 3, H, W] to logits [N, classes]; it is trained in place.
        settings: the recipe, which has the optimizer, label smoothing and the bound on the gradient's norm.
        precision: ``fp32``, or ``bf16`` for forward and backward passes under torch's autocast; weights are fp32.
        device: the torch device, ``cuda`` or ``cpu``.

    Attributes:
        parameters: the parameters of the model, by name.
        slots: the optimizer's state of each parameter, by name.
    """

    def __init__(self, model: nn.Module, settings: Pretraining, precision: str, device: str) -> None:
        self.model, self.settings, self.precision, self.device = model.to(device), settings, precision, device
        self.parameters = dict(model.named_parameters())
        self.slots: dict[str, Slots] = {name: {} for name in self.parameters}

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images [N, 3, H, W] as float32 [N, classes]."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16"):
            logits: Tensor = self.model(images)
        return logits.float()

    def step(self, images: Tensor, labels: Tensor, learning_rate: float) -> float:
        """Take one step of the optimizer, and return the loss before it.

        Args:
            images: [N, 3, H, W].
            labels: class indices [N].
            learning_rate: the rate of this step.
        """
        loss = cross_entropy(self.forward(images), labels, label_smoothing=self.settings.label_smoothing)
        grads = torch.autograd.grad(loss, list(self.parameters.values()))
        if self.settings.gradient_norm:
            norm = torch.linalg.vector_norm(torch.stack([grad.norm() for grad in grads]))
            scale = (self.settings.gradient_norm / (norm + 1e-6)).clamp(max=1.0)
            torch._foreach_mul_(grads, scale)
        with torch.no_grad():
            for (name, weight), grad in zip(self.parameters.items(), grads, strict=True):
                self.settings.optimizer.step(weight, grad, self.slots[name], learning_rate, in_place=True)
        return float(loss.detach())

    @contextmanager
    def seeing(self, share: float, seed: int) -> Iterator[None]:
        """Let a VisionTransformer see only a random ``share`` of each image's patches, within the context."""
        if share == 1:
            yield
            return
        assert isinstance(self.model, VisionTransformer)
        original = self.model.patch_drop
        with torch.random.fork_rng([self.device] if self.device == "cuda" else []):  # timm uses the global generator
            torch.manual_seed(seed)
            self.model.patch_drop = PatchDropout(1 - share, num_prefix_tokens=self.model.num_prefix_tokens)
            try:
                yield
            finally:
                self.model.patch_drop = original

    def score(self, images: Images) -> tuple[float, float]:
        """Return the top-1 accuracy, a fraction, and the mean cross-entropy on these images."""
        right, loss = 0, 0.0
        self.model.eval()
        with torch.inference_mode():
            for index in torch.arange(len(images), device=self.device).split(EVALUATION_BATCH):
                logits, labels = self.forward(images.rows(index)), images.labels[index]
                right += int((logits.argmax(dim=-1) == labels).sum())
                loss += float(cross_entropy(logits, labels, reduction="sum"))
        self.model.train()
        return right / len(images), loss / len(images)

    def state(self) -> dict[str, Any]:
        """Return the tensors and numbers from which another learner continues exactly as this one would."""
        return {"weights": self.model.state_dict(), "slots": self.slots}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what ``state`` returned."""
        self.model.load_state_dict(state["weights"])
        self.slots = {
            name: {key: value.to(self.device) if isinstance(value, Tensor) else value for key, value in slots.items()}
            for name, slots in state["slots"].items()
        }


def faster_precision(model: nn.Module, images: Tensor, device: str) -> str:
    """Return ``bf16`` if a forward and backward pass takes less time with it on this machine, else ``fp32``.

    bf16 is slower on processors without bf16 arithmetic, and for narrow models.

    Args:
        model: the model on its device; its parameters are not changed, but statistics of batches may be.
        images: the batch to time, [N, 3, H, W].
        device: the torch device, ``cuda`` or ``cpu``.
    """

    def seconds(enabled: bool) -> float:
        taken = []
        for _ in range(TRIES):
            begun = time.perf_counter()
            with torch.autocast(device, torch.bfloat16, enabled=enabled):
                loss = model(images).float().square().mean()
            torch.autograd.grad(loss, list(model.parameters()))
            if device == "cuda":
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - begun)
        return min(taken)

    return "bf16" if seconds(True) < seconds(False) else "fp32"
