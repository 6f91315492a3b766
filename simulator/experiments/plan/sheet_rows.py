"""What a sheet of a model consists of: its stages, and its cuts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """The costs of one stage, or of the whole model.

    Attributes:
        name: the stage's name, or "whole".
        parameters: number of parameters, buffers excluded.
        trainable: how many of them are trained.
        forward_flops: FLOPs of the forward pass of one sample.
        training_flops: FLOPs of the forward and backward pass of one sample.
        shape: shape of the output for one sample.
        smashed_bytes: bytes of the output for one sample in fp32: what a cut behind this stage sends.
        kept_bytes: bytes that autograd keeps of a batch for the backward pass. For the whole model, a tensor that two
            stages keep counts once.
    """

    name: str
    parameters: int
    trainable: int
    forward_flops: int
    training_flops: int
    shape: tuple[int, ...]
    smashed_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Cut:
    """The part of a device that keeps its labels (U-shaped), and the traffic of each sample.

    Attributes:
        head: number of blocks in the head.
        tail: number of blocks in the tail, before norm and classifier.
        parameters: number of parameters on the device, buffers excluded.
        trainable: how many of them are trained.
        forward_flops: FLOPs of the device's forward passes of one sample.
        backward_flops: FLOPs of the device's backward passes of one sample.
        bytes_up: bytes that the device sends for one sample, in fp32.
        bytes_down: bytes that the device receives for one sample, in fp32.
        peak_bytes: peak memory of a step with one batch: weights, gradients, what autograd keeps and the largest live
            pair of tensors. Plain SGD is assumed, which has no state.
    """

    head: int
    tail: int
    parameters: int
    trainable: int
    forward_flops: int
    backward_flops: int
    bytes_up: int
    bytes_down: int
    peak_bytes: int


@dataclass(frozen=True)
class Sheet:
    """A model, the setting in which it was counted, its stages in order, and its cuts.

    Attributes:
        model: the model's name, as in a scenario.
        image_size: height and width of the images, in pixels; None for texts.
        classes: number of classes; None where the next token is predicted.
        train: what is trained: full, linear, bias, prompt or lora.
        batch_size: samples in the batch for which memory is counted.
        keywords: the keywords that the model was built with.
        whole: all stages as one.
        stages: the stages in order.
        cuts: the cuts, by tail and then by head.
        length: tokens of a text; None for images.
        task: what the model is trained for: classification or next_token.
        shared_bytes: bytes of the weights that are one tensor in ``whole``, and two, in two stages, of a cut model.
        uncut_peak_bytes: as ``Cut.peak_bytes``, where the whole model is on the device, as in federated learning.
    """

    model: str
    image_size: int | None
    classes: int | None
    train: str
    batch_size: int
    keywords: dict[str, Any]
    whole: Stage
    stages: tuple[Stage, ...]
    cuts: tuple[Cut, ...]
    length: int | None = None
    task: str = "classification"
    shared_bytes: int = 0
    uncut_peak_bytes: int = 0

    def plain(self) -> dict[str, Any]:
        """Return the sheet as plain values, for JSON."""
        return asdict(self)
