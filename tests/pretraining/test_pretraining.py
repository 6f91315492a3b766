"""Pre-training does what a plain loop does, can be interrupted, and leaves weights that a scenario starts from."""

from __future__ import annotations

import csv
import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from simulator.cli import main
from simulator.learning.models import build
from simulator.learning.optimizers import AdamW
from simulator.pretraining.learner import Learner
from simulator.pretraining.loop import Epoch, PretrainError, Progress, pretrain
from simulator.pretraining.preparing import decoded
from simulator.pretraining.settings import Pretraining, load
from simulator.scenario_source import ScenarioError
from simulator.seeds import Seeds

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
STEPS = 4  # an epoch: 16, 16, 16 and 2 images


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(FILE)
    return path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Stopped(Exception):  # noqa: N818
    pass


def stop_after(steps: int, error: BaseException) -> Any:
    def show(news: Any) -> None:
        if isinstance(news, Progress) and news.step == steps:
            raise error

    return show


def test_what_it_leaves(file: Path, tmp_path: Path) -> None:
    news: list[Any] = []
    log = pretrain(load(file), tmp_path / "out", show=news.append)
    assert [item.step for item in news if isinstance(item, Progress)] == list(range(1, 3 * STEPS + 1))
    assert [item for item in news if isinstance(item, Epoch)] == log
    with (tmp_path / "out" / "log.csv").open() as rows:
        table = list(csv.DictReader(rows))
    assert [row["step"] for row in table] == ["4", "8", "12"]
    assert [bool(row["top1"]) for row in table] == [False, True, True], "every second epoch, and the last"
    recipe = json.loads((tmp_path / "out" / "model.json").read_text())
    assert recipe["classes"] == 3
    assert recipe["model"]["embed_dim"] == 12
    assert recipe["measured"]["top1"] == log[-1].top1
    assert load(tmp_path / "out" / "pretrain.yaml") == load(file), "the settings that it writes are those it had"
    assert all(tensor.dtype == torch.float16 for tensor in weights(tmp_path / "out").values())
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stopped()], ids=["told to stop", "killed"])
@pytest.mark.parametrize("after", [1, STEPS, 6])
def test_what_was_interrupted_ends_as_if_it_had_not_been(
    file: Path, tmp_path: Path, after: int, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(load(file), tmp_path / "whole")
    monkeypatch.setattr("simulator.pretraining.loop.SAVE_SECONDS", -1.0)  # a checkpoint after each step
    with pytest.raises(type(error)):
        pretrain(load(file), tmp_path / "parts", show=stop_after(after, error))
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    if after == 1 and isinstance(error, Stopped):
        return  # it was killed before it could save anything
    log = pretrain(load(file), tmp_path / "parts", resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert [row.epoch for row in log] == [1, 2, 3]


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(
    file: Path, tmp_path: Path, told: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(load(file), tmp_path / "whole")
    step, calls = AdamW.step, []
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    def interrupted(self: AdamW, *args: Any, **keywords: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == 100:  # some parameters of some batch are stepped, and others not
            signal.raise_signal(told)
        return step(self, *args, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(AdamW, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(load(file), tmp_path / "parts")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    pretrain(load(file), tmp_path / "parts", resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


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


def test_a_scenario_starts_from_what_was_trained(file: Path, tmp_path: Path) -> None:
    log = pretrain(load(file), tmp_path / "out")
    model = load(file).model
    path = str(tmp_path / "out" / "model.safetensors")
    built = build(model.name, 8, 3, seed=9, weights=path, keywords=model.keywords).model
    for name, tensor in weights(tmp_path / "out").items():
        assert torch.equal(built.state_dict()[name], tensor.float())
    assert log


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


def test_automatic_precision_is_settled_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.pretraining.loop.faster_precision", lambda *_: "bf16")
    settings = load(file, ["precision=auto"])
    with pytest.raises(KeyboardInterrupt):
        pretrain(settings, tmp_path / "out", show=stop_after(2, KeyboardInterrupt()))
    monkeypatch.setattr("simulator.pretraining.loop.faster_precision", lambda *_: "fp32")
    pretrain(settings, tmp_path / "out", resume=True)
    assert "precision: bf16" in (tmp_path / "out" / "pretrain.yaml").read_text()


WRONG = {
    "epochs=0": "epochs is 0: it must be more than 0",
    "augment.crop=8": "images of 8 x 8 pixels can be reflected by less than that",
    "model.name=resnet18": "drop_tokens: resnet18 has no tokens to drop",
    "data.classes=0": "data.classes is 0",
    "label_smoothing=1": "it must be less than 1",
    "model.keywords.drop_path_rate=0.1": "dropout is not supported",
    "epoch=3": 'did you mean "epochs"?',
}


@pytest.mark.parametrize("override", WRONG)
def test_what_is_wrong_is_said(file: Path, tmp_path: Path, override: str) -> None:
    more = ["model.keywords={}", "data.shape=[3,32,32]", "model.image_size=32"] if "resnet" in override else []
    with pytest.raises(ScenarioError) as refused:
        pretrain(load(file, [override, *more]), tmp_path / "out")
    assert WRONG[override] in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_other_settings_is_refused(file: Path, tmp_path: Path) -> None:
    pretrain(load(file, ["epochs=1"]), tmp_path / "out")
    with pytest.raises(PretrainError, match="of another training: its epochs is 1, and now 3"):
        pretrain(load(file), tmp_path / "out", resume=True)
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(PretrainError, match=r"checkpoint\.pt cannot be read"):
        pretrain(load(file), tmp_path / "out", resume=True)
    with pytest.raises(PretrainError, match="holds no checkpoint to resume"):
        pretrain(load(file), tmp_path / "elsewhere", resume=True)


def test_a_loss_that_is_no_number_ends_it(file: Path, tmp_path: Path) -> None:
    settings = load(file, ["optimizer.learning_rate=1e30", "gradient_norm=null", "schedule.warmup=0"])
    with pytest.raises(PretrainError, match="a smaller learning rate may help"):
        pretrain(settings, tmp_path / "out")


def test_the_command(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def sfsim(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sfsim", "pretrain", str(file), *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    status, out, err = sfsim("--set", "epochs=2")
    assert (status, err) == (0, "")
    assert out.startswith("epoch 1 of 2: loss ")
    assert "epoch 2 of 2: loss " in out
    assert out.endswith("Weights: runs/small/model.safetensors\n")
    assert "say one of them" in sfsim("--resume", "--force")[2]
    status, _, err = sfsim("--set", "epochs=2")
    assert (status, err.count("\n")) == (2, 1)
    assert "runs/small holds a training: go on with --resume, replace it with --force" in err
    assert sfsim("--set", "epochs=2", "--force")[0] == 0
    assert sfsim("--set", "epochs=2", "--resume")[0] == 0


def test_ours_is_a_valid_file() -> None:
    settings = load(Path(__file__).parents[2] / "scenarios" / "pretrain" / "tiny-imagenet-32.yaml")
    assert settings.name == "tiny-imagenet-32"
