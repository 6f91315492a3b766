"""Models as a scenario sees them: ResNets, weights of one's own, timm's keywords; one message for what is wrong."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file

from analysis.goal import Target
from simulator.cli.entry import main
from simulator.experiments.run.tables import summarise
from simulator.experiments.trial import trial
from simulator.experiments.trial.build import make_task
from simulator.experiments.trial.model import build_model
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario, load
from simulator.settings.seeds import Seeds
from tests.helpers.caches import forget
from tests.helpers.models import resnet, vit
from tests.helpers.small_trials import LEARNED

RESNET: dict[str, Any] = {
    "name": "resnet18",
    "image_size": 32,
    "pretrained": False,
    "keywords": {"layers": [1, 1, 1, 1], "channels": [8, 8, 12, 16], "stem_type": "deep", "stem_width": 4},
}
VIT: dict[str, Any] = {
    "name": "vit_tiny_patch16_224",
    "image_size": 16,
    "pretrained": False,
    "keywords": {"patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2},
}
DATA = {"name": "synthetic", "samples": 60, "test_samples": 20, "classes": 5}
BASE: dict[str, Any] = {
    "name": "tiny",
    "world": {"devices": [{"name": "raspberry-pi-4", "count": 3}], "server": {"name": "rtx-4090"}},
    "data": DATA,
    "training": {
        "rounds": 2,
        "clients_per_round": 2,
        "batch_size": 8,
        "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    },
}
ENTRIES: dict[str, dict[str, Any]] = {
    "full": {"name": "fedavg"},
    "linear": {"name": "fedavg", "training": {"train": "linear"}},
    "bias": {"name": "fedavg", "training": {"train": "bias", "wire_dtype": "fp16"}},
    "v1": {"name": "splitfed"},
    "v1-linear": {"name": "splitfed", "training": {"train": "linear"}},
    "v2-sent": {"name": "splitfed", "version": "v2", "labels": "sent", "head": 2, "training": {"wire_dtype": "bf16"}},
    "in-turn": {"name": "split_learning", "head": 0, "tail": 2},
    "momentum": {"name": "fedavgm"},
}


def written(folder: Path, model: dict[str, Any], *labels: str, **changes: Any) -> Path:
    entries = [{"label": label, **ENTRIES[label]} for label in labels or ["full"]]
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({"model": model, "algorithms": entries} | BASE | changes, sort_keys=False))
    return file


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def outcomes(settings: Scenario, dry: bool) -> dict[str, TrialResult]:
    forget()
    return {entry.label: trial.run(settings, entry, 0, dry) for entry in settings.algorithms}


@pytest.fixture(scope="module")
def dry_and_real(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, TrialResult], dict[str, TrialResult]]:
    settings = load(written(tmp_path_factory.mktemp("resnet"), RESNET, *ENTRIES))
    check(settings)
    return outcomes(settings, dry=True), outcomes(settings, dry=False)


@pytest.mark.parametrize("label", ENTRIES)
def test_dry_is_real_with_a_resnet(
    label: str, dry_and_real: tuple[dict[str, TrialResult], dict[str, TrialResult]]
) -> None:
    dry, real = (found[label] for found in dry_and_real)
    for name, table in dry.ledger.tables().items():
        assert list(table) == list(real.ledger.tables()[name]), name
    summaries = [summarise(outcome, Target(0.0)) for outcome in (dry, real)]
    for key in LEARNED:
        values = [summary.pop(key) for summary in summaries]
        assert values[1] is not None
    assert summaries[0] == summaries[1]


def test_what_a_split_resnet_sends_by_hand(dry_and_real: tuple[dict[str, TrialResult], dict[str, TrialResult]]) -> None:
    """Cut behind its first block, of 32 x 32 pixels a quarter each way: 8 maps of 8 x 8; at last, 12 of 2 x 2."""
    rows = dry_and_real[1]["v1"].ledger.transfers
    sent = {kind: sum(row.bytes for row in rows if row.kind == kind) for kind in {row.kind for row in rows}}
    samples = 2 * 2 * 20  # two rounds, two clients, a third of sixty each
    assert sent["smashed data"] == sent["smashed gradient"] == samples * 4 * 8 * 8 * 8
    assert sent["features"] == sent["feature gradient"] == samples * 4 * 12 * 2 * 2


def test_paths_of_weights_are_relative_to_the_scenario_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    save_file(
        {name: t.contiguous() for name, t in vit(seed=1).state_dict().items()}, tmp_path / "models" / "a.safetensors"
    )
    file = written(tmp_path, VIT | {"weights": "models/a.safetensors"})
    for place in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(place)
        assert load(file).model.weights == str(tmp_path / "models" / "a.safetensors")
    settings = load(file)
    check(settings)
    task = make_task(settings, settings.algorithms[0], Seeds(0), dry=False)
    assert torch.equal(task.backbone["block2.mlp.fc1.weight"], vit(seed=1).blocks[2].mlp.fc1.weight)
    assert torch.equal(task.backbone["head.head.bias"], vit(seed=1).head.bias)


def test_a_resolved_scenario_has_the_same_model_from_anywhere(tmp_path: Path) -> None:
    one = load(written(tmp_path, VIT | {"weights": "../a.pt"}))
    again = tmp_path / "runs" / "scenario.yaml"
    again.parent.mkdir()
    again.write_text(one.resolved())
    assert load(again) == one
    assert load(again).resolved() == one.resolved()


def test_keywords_by_override(tmp_path: Path) -> None:
    settings = load(written(tmp_path, VIT), ["model.keywords.depth=2", "model.keywords.num_heads=4"])
    assert settings.model.keywords == VIT["keywords"] | {"depth": 2, "num_heads": 4}
    assert build_model(settings, 0, dry=True).model.blocks[1].attn.num_heads == 4


def test_reading_a_scenario_loads_no_model(tmp_path: Path) -> None:
    file = written(tmp_path, RESNET | {"weights": "none.pt"})
    code = (
        f"import sys; from simulator.scenario.scenario import load; load({str(file)!r}); "
        "print({'torch', 'timm', 'safetensors'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another family": (
        {"name": "resnetv2_50"},
        {},
        "line 2: model.name is \"resnetv2_50\": 'resnetv2_50' is a ResNetV2; a timm VisionTransformer, ",
    ),
    "a resnet that is not plain": (
        {"name": "seresnet18", "pretrained": False},
        {},
        "line 2: model.name is \"seresnet18\": 'layer1.0.se' is a SEModule, which a plain ResNet does not have",
    ),
    "too small": (
        {"name": "resnetaa34d", "image_size": 8, "pretrained": False},
        {},
        "line 3: model.image_size is 8: 'resnetaa34d' cannot be built for 8 x 8 pixels: Given input size: ",
    ),
    "too deep a cut": (
        RESNET,
        {"name": "splitfed", "head": 4, "tail": 1},
        "algorithms.splitfed.head is 4: head 4 and tail 1 leave no block for the server: the model has 4 blocks",
    ),
    "prompts": (
        RESNET,
        {"name": "fedavg", "training": {"train": "prompt"}},
        'algorithms.fedavg.training.train is "prompt": prompts are tokens, and a ResNet has none: it works on feature '
        "maps (allowed: full, linear or bias)",
    ),
    "sfprompt": (
        RESNET,
        {"name": "sfprompt"},
        'algorithms.sfprompt.name is "sfprompt": prompts are tokens, and a ResNet has none: it works on feature maps '
        "(allowed: another algorithm, or a VisionTransformer or a language model)",
    ),
    "no file": (VIT | {"weights": "none.pt"}, {}, "model.weights: there is no file FOLDER/none.pt"),
    "another shape": (
        VIT | {"weights": "vit.pt", "image_size": 32, "keywords": VIT["keywords"] | {"embed_dim": 24}},
        {},
        "model.weights: FOLDER/vit.pt does not fit the model: cls_token is 1 x 1 x 16 there, and 1 x 1 x 24 here",
    ),
    "another model": (
        RESNET | {"weights": "vit.pt"},
        {},
        "model.weights: FOLDER/vit.pt does not fit the model: it lacks conv1.0.weight, ",
    ),
    "no weights at all": (
        VIT | {"weights": "tiny.yaml"},
        {},
        "FOLDER/tiny.yaml is not a state dict that torch.save wrote, or ",
    ),
    "a path that is none": (VIT | {"weights": 3}, {}, "model.weights is 3: it must be text; put it in quotes"),
    "bundled with weights": (
        {"name": "bundled", "weights": "vit.pt"},
        {},
        "model.weights: the bundled model has its own weights: use 'name: random' to load others into its shape",
    ),
    "bundled with keywords": (
        {"name": "random", "keywords": {"depth": 4}},
        {},
        "model.keywords: the shape of the random model is fixed: name 'vit_tiny_patch16_224', on which it is built, to",
    ),
    "unknown keyword": (
        VIT | {"keywords": {"depht": 4}},
        {},
        "model.keywords.depht is 4: 'vit_tiny_patch16_224' takes no such keyword; did you mean \"depth\"? (allowed: ",
    ),
    "a keyword with a key of its own": (
        VIT | {"keywords": {"img_size": 4}},
        {},
        "model.keywords.img_size is 4: img_size is not a keyword here: use image_size, beside the keywords",
    ),
    "keywords that do not fit": (
        VIT | {"keywords": VIT["keywords"] | {"num_heads": 3}},
        {},
        "model.keywords: 'vit_tiny_patch16_224' cannot be built with these keywords for 16 x 16 pixels: dim should be",
    ),
    "patches that do not fit": (
        VIT | {"image_size": 20},
        {},
        "model.image_size is 20: 'vit_tiny_patch16_224' cuts images into patches of 8 pixels: 20 is not a multiple",
    ),
    "published weights for another shape": (
        VIT | {"pretrained": True},
        {},
        "model.keywords: with patch_size, embed_dim, depth, num_heads 'vit_tiny_patch16_224' has another shape than ",
    ),
    "no keywords": (
        VIT | {"keywords": "depth"},
        {},
        'model.keywords is "depth": it must be a mapping of keys to values',
    ),
    "dropout": (
        VIT | {"keywords": VIT["keywords"] | {"drop_rate": 0.1}},
        {},
        "dropout is not supported: set the rate of 'head_drop' to 0",
    ),
}


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_model_is_one_message(
    case: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, entry, said = BAD[case]
    torch.save(vit().state_dict(), tmp_path / "vit.pt")
    file = written(tmp_path, model, algorithms=[entry or {"name": "fedavg"}])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sfsim", command, str(file)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert said in error.replace(str(tmp_path), "FOLDER")
    assert error.startswith(f"sfsim: {file}, line ")
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_unsafe_file_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(resnet(), tmp_path / "whole.pt")
    monkeypatch.setattr(sys, "argv", ["sfsim", "validate", str(written(tmp_path, RESNET | {"weights": "whole.pt"}))])
    with pytest.raises(SystemExit):
        main()
    assert "holds more than tensors, which could run any program when it is read" in capsys.readouterr().err
