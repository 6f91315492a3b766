"""A pre-training small enough to run in a test, and the weights that it writes."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

FILE = """\
name: small
model: {name: vit_tiny_patch16_224, pretrained: false, image_size: 8,
        keywords: {patch_size: 4, embed_dim: 12, depth: 2, num_heads: 3}}
data: {name: synthetic, samples: 50, test_samples: 20, classes: 3, shape: [3, 8, 8]}
precision: fp32
epochs: 3
batch_size: 16
optimizer: {name: adamw, learning_rate: 0.01, weight_decay: 0.1}
schedule: {name: cosine, warmup: 2}
label_smoothing: 0.1
gradient_norm: 0.5
augment: {crop: 2, flip: true}
drop_tokens: {rate: 0.5, epochs: 2}
evaluate_every: 2
"""
RESNET = [
    "model.name=resnet10t",
    "model.keywords={}",
    "model.image_size=32",
    "data.shape=[3,32,32]",
    "drop_tokens=null",
]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights that a pre-training has written into its folder."""
    return load_file(folder / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether two sets of weights are equal to the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
