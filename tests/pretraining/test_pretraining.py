"""Pre-training can be interrupted, refuses in words, and leaves weights that a scenario starts from."""

from __future__ import annotations

import csv
import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from simulator.learning.models.build import build
from simulator.learning.optimizers.adamw import AdamW
from simulator.pretraining.loop import Epoch, PretrainError, Progress, pretrain
from simulator.pretraining.settings import load
from simulator.settings.errors import ScenarioError
from simulator.settings.interrupts import SIGNALS
from tests.helpers.commands import Sfsim
from tests.helpers.places import SCENARIOS
from tests.helpers.pretrainings import same, weights

STEPS = 4  # an epoch: 16, 16, 16 and 2 images


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


@pytest.mark.parametrize("told", SIGNALS)
def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(
    file: Path, tmp_path: Path, told: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(load(file), tmp_path / "whole")
    step, calls = AdamW.step, []
    handlers = [signal.getsignal(each) for each in SIGNALS]

    def interrupted(self: AdamW, *args: Any, **keywords: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == 100:  # some parameters of some batch are stepped, and others not
            signal.raise_signal(told)
        return step(self, *args, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(AdamW, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(load(file), tmp_path / "parts")
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
    pretrain(load(file), tmp_path / "parts", resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_scenario_starts_from_what_was_trained(file: Path, tmp_path: Path) -> None:
    log = pretrain(load(file), tmp_path / "out")
    model = load(file).model
    path = str(tmp_path / "out" / "model.safetensors")
    built = build(model.name, 8, 3, seed=9, weights=path, keywords=model.keywords).model
    for name, tensor in weights(tmp_path / "out").items():
        assert torch.equal(built.state_dict()[name], tensor.float())
    assert log


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
    "model.name=gpt2": 'model.name is "gpt2": models of images are pre-trained, and this one takes texts',
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


def test_the_command(sfsim: Sfsim, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = partial(sfsim, "pretrain", file)
    monkeypatch.chdir(tmp_path)
    status, out, err = pretrained("--set", "epochs=2")
    assert (status, err) == (0, "")
    assert out.startswith("epoch 1 of 2: loss ")
    assert "epoch 2 of 2: loss " in out
    assert out.endswith("Weights: runs/small/model.safetensors\n")
    assert "use only one of them" in pretrained("--resume", "--force")[2]
    status, _, err = pretrained("--set", "epochs=2")
    assert (status, err.count("\n")) == (2, 1)
    assert "runs/small holds a training: go on with --resume, replace it with --force" in err
    assert pretrained("--set", "epochs=2", "--force")[0] == 0
    assert pretrained("--set", "epochs=2", "--resume")[0] == 0


def test_ours_is_a_valid_file() -> None:
    settings = load(SCENARIOS / "pretrain" / "tiny-imagenet-32.yaml")
    assert settings.name == "tiny-imagenet-32"


def test_texts_are_refused(file: Path, tmp_path: Path) -> None:
    settings = load(file, ["data={name: synthetic_text}"])
    with pytest.raises(ScenarioError, match=r'data.name is "synthetic_text": it has texts, and a model of images is'):
        pretrain(settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
