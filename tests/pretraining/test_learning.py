"""A pre-training learns what a plain loop would: steps, rates, dropped patches, randomness, and what is measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.learning.models.build import build
from simulator.pretraining.learner import Learner
from simulator.pretraining.loop import PretrainError, pretrain
from simulator.pretraining.preparing import decoded
from simulator.pretraining.settings import Pretraining, load
from simulator.settings.seeds import Seeds
from tests.helpers.pretrainings import RESNET, same, weights


def test_steps_are_those_of_torch(file: Path) -> None:
    """The same three batches through torch's own AdamW, clipping and smoothing."""
    settings = load(file, ["augment=null", "drop_tokens=null", "optimizer.beta2=0.95"])
    model = settings.model
    ours, theirs = (build(model.name, 8, 3, seed=5, pretrained=False, keywords=model.keywords).model for _ in range(2))
    learner = Learner(ours, settings, "fp32", "cpu")
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
    draw = torch.Generator().manual_seed(0)
    for _ in range(3):
        images, labels = torch.randn(4, 3, 8, 8, generator=draw), torch.randint(3, (4,), generator=draw)
        loss = cross_entropy(theirs(images), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        optimizer.step()
        assert learner.step(images, labels, 0.01) == pytest.approx(float(loss.detach()), rel=1e-6)
    for name, weight in theirs.state_dict().items():
        torch.testing.assert_close(
            ours.state_dict()[name], weight, rtol=1e-3, atol=1e-4
        )  # keys have a bias without a gradient


def test_the_learning_rate_follows_the_schedule_by_steps(file: Path, tmp_path: Path) -> None:
    rates = []
    step = Learner.step

    def watched(self: Learner, images: torch.Tensor, labels: torch.Tensor, rate: float) -> float:
        rates.append(rate)
        return step(self, images, labels, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", watched)
        pretrain(load(file), tmp_path / "out")
    cosine = [0.5 * (1 + math.cos(math.pi * done / 10)) for done in range(10)]
    np.testing.assert_allclose(rates, [0.01 * factor for factor in (1 / 3, 2 / 3, *cosine)])


def test_half_of_the_patches_are_seen_in_the_first_epochs_and_all_in_the_test(file: Path) -> None:
    settings = load(file)
    learner = Learner(
        build("vit_tiny_patch16_224", 8, 3, 0, pretrained=False, keywords=settings.model.keywords).model,
        settings,
        "fp32",
        "cpu",
    )
    seen = []
    learner.model.blocks[0].register_forward_hook(lambda module, args, output: seen.append(args[0].shape[1]))
    images = torch.randn(2, 3, 8, 8)
    with learner.seeing(0.5, seed=1):
        one = learner.forward(images)
    with learner.seeing(0.5, seed=1):
        again = learner.forward(images)
    with learner.seeing(0.5, seed=2):
        other = learner.forward(images)
    learner.forward(images)
    assert seen == [1 + 2, 1 + 2, 1 + 2, 1 + 4], "class token and patches"
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_global_random_stream_is_left_alone(file: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    pretrain(load(file, ["epochs=1"]), tmp_path / "out")
    assert torch.equal(torch.rand(2), wanted)


def test_another_seed_gives_other_weights(file: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        pretrain(load(file, ["epochs=1", f"seed={seed}"]), tmp_path / str(seed))
    assert not same(weights(tmp_path / "0"), weights(tmp_path / "1"))
    assert Seeds(0).integer("weights") != Seeds(1).integer("weights")


def test_it_learns_digits(tmp_path: Path) -> None:
    settings = Pretraining.model_validate(
        {
            "name": "digits",
            "model": {
                "name": "vit_tiny_patch16_224",
                "pretrained": False,
                "image_size": 8,
                "keywords": {"patch_size": 2, "embed_dim": 48, "depth": 2, "num_heads": 3},
            },
            "data": {"name": "digits"},
            "precision": "fp32",
            "epochs": 2,
            "batch_size": 32,
            "optimizer": {"name": "adamw", "learning_rate": 2e-3},
        }
    )
    log = pretrain(settings, tmp_path / "out")
    assert log[-1].top1 is not None
    assert log[-1].top1 > 0.2, "chance is 0.1"
    assert log[1].train_loss < math.log(10)


def test_what_is_measured_is_what_the_file_gives(tmp_path: Path, file: Path) -> None:
    """Weights of fp16 are scored, not those they were rounded from; a ResNet's statistics are not rounded at all."""
    pretrain(load(file, ["epochs=1", *RESNET]), tmp_path / "out")
    kept = weights(tmp_path / "out")
    assert kept["conv1.0.weight"].dtype == torch.float16
    assert kept["conv1.1.running_var"].dtype == torch.float32
    settings = load(file, RESNET)
    built = build("resnet10t", 32, 3, 0, pretrained=False).model
    built.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in kept.items()})
    raw = settings.data.load()
    images = decoded(raw.test, ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), settings, "cpu")
    recipe = json.loads((tmp_path / "out" / "model.json").read_text())
    assert recipe["mean"] == [0.485, 0.456, 0.406]
    assert recipe["measured"]["top1"] == Learner(built, settings, "fp32", "cpu").score(images)[0]


def test_a_loss_that_is_no_number_ends_it(file: Path, tmp_path: Path) -> None:
    settings = load(file, ["optimizer.learning_rate=1e6", "gradient_norm=null", "schedule.warmup=0"])
    with pytest.raises(PretrainError, match="a smaller learning rate may help"):
        pretrain(settings, tmp_path / "out")
