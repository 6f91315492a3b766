"""Figures from disk are the traced ones: of every kind of model, adaptation and cut, and without timm."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from simulator.learning.costs import flops, footprint, known, traffic
from simulator.learning.costs.keys import stage_key
from simulator.learning.costs.outlines import Outline
from simulator.learning.models import lazy
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build
from simulator.learning.models.lora import Lora
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED
from simulator.learning.models.stages.adapters import targets
from simulator.learning.optimizers.sgd import Sgd
from simulator.settings import disk_cache
from tests.helpers.caches import forget
from tests.helpers.commands import Sfsim

VIT = {"patch_size": 8, "embed_dim": 16, "depth": 5, "num_heads": 2}
MODELS: dict[str, dict[str, Any]] = {
    "random": {},
    "vit_tiny_patch16_224": VIT,
    "vit_base_patch16_siglip_224": VIT,  # attention pooling, and no class token
    "resnet18": {"layers": [1, 2, 1, 1], "channels": [8, 8, 12, 16]},
    "swin_tiny_patch4_window7_224": {"patch_size": 2, "window_size": 2, "embed_dim": 8, "depths": [2, 2]},
    "mixer_s32_224": {},
}
WITH_TOKENS = ("random", "vit_tiny_patch16_224", "vit_base_patch16_siglip_224")
ADDED: dict[str, dict[str, Any]] = {
    "full": {},
    "linear": {},
    "bias": {},
    "prompt": {"prompts": Prompts(length=2, place="end")},
    "lora": {"lora": Lora(rank=2, targets=("q", "fc1"), dropout=0.1)},
}
CASES = [
    pytest.param(name, train, marks=() if quick else pytest.mark.slow)
    for name in MODELS
    for train in ADDED
    if name in WITH_TOKENS or train in ("full", "bias")
    for quick in [train == "bias" or name == "vit_tiny_patch16_224"]
]
OTHER = {"swin_tiny_patch4_window7_224": {"num_heads": [1, 2]}}


@pytest.fixture(autouse=True)
def _as_in_a_new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SFSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_closed", set())
    yield
    lazy._known.cache_clear()


def structure(name: str, train: str, attention: str = "fused") -> tuple[dict[str, Tensor], Staged]:
    """What a dry run has of a model: as a new process would, with nothing in memory."""
    forget()
    lazy._known.cache_clear()
    keywords = {**MODELS[name], **OTHER.get(name, {})}
    model = build(name, 32, 5, 0, pretrained=False, dry=True, keywords=keywords or None).model
    return adapted(model, Adaptation(lambda parameter, _: TRAINED[train](parameter), **ADDED[train]), attention)


def told(tensors: dict[str, Tensor], model: Staged) -> dict[str, Any]:
    """All that a dry run reads of a structure."""
    first, last = model.blocks.start + 1, model.blocks.stop - 1
    cuts = [model.whole, ((0, first),), ((first, last),), ((last, len(model)),)]
    shapes = [(3, 32, 32), *(cost.shape for cost in model.stage_costs(model.whole, (3, 32, 32)))]
    return {
        "tensors": [(name, tensor.shape, tensor.dtype) for name, tensor in tensors.items()],
        "names": model.names,
        "token": model.pools_one_token,
        "slices": [
            (part.names, part.trainable, part.frozen, part.input_grad, part.bytes, part.stage_bytes, part.frozen_prefix)
            for part in map(model.slice, cuts)
        ],
        "sizes": [model.sizes(cut, (samples, *shapes[cut[0][0]])) for cut in cuts for samples in (1, 4)],
        "steps": model.steps(model.whole, Sgd()),
        "adapters": list(targets(model.slice(model.whole).module)),
    }


def forbid(patch: pytest.MonkeyPatch) -> None:
    """From now on nobody is to trace a stage, or to build a model."""
    for module, tracer in ((flops, "_trace"), (footprint, "_trace"), (traffic, "_trace"), (lazy.LazyModel, "model")):
        patch.setattr(module, tracer, None)


@pytest.mark.parametrize(("name", "train"), CASES)
def test_figures_from_disk_are_the_traced_ones(name: str, train: str, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = told(*structure(name, train))
    forbid(monkeypatch)
    assert told(*structure(name, train)) == traced


def test_figures_are_those_traced_without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = told(*structure("vit_tiny_patch16_224", "lora"))
    monkeypatch.setenv("SFSIM_CACHE", "")
    assert told(*structure("vit_tiny_patch16_224", "lora")) == traced


def test_a_cut_that_nobody_has_traced_is_traced_from_an_outline() -> None:
    """The stages themselves are built then, with the same parameters trained."""
    tensors, model = structure("vit_tiny_patch16_224", "bias")
    told(tensors, model)
    _, again = structure("vit_tiny_patch16_224", "bias")
    assert isinstance(again.stages["embed"], Outline)
    cut = ((0, 2), (3, len(model)))
    assert again.sizes(cut, (3, 3, 32, 32)) == model.sizes(cut, (3, 3, 32, 32))


def test_an_outline_computes_what_its_stage_does() -> None:
    _, real = structure("vit_tiny_patch16_224", "lora")
    _, outline = structure("vit_tiny_patch16_224", "lora")
    x = torch.empty(2, 3, 32, 32, device="meta")
    assert isinstance(outline.stages["embed"], Outline)
    assert outline.slice(outline.whole).module(x).shape == real.slice(real.whole).module(x).shape == (2, 5)


class Doubled(nn.Linear):
    """Its name and numbers could be those of a class of anybody's."""


def traces(stage: nn.Module, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a stage is traced by two processes in turn."""
    seen: list[nn.Module] = []
    trace = flops._trace

    def watch(module: nn.Module, *rest: Any) -> Any:
        seen.append(module)
        return trace(module, *rest)

    monkeypatch.setattr(flops, "_trace", watch)
    for _ in range(2):
        forget()
        flops.stage_cost(stage.to("meta"), stage_key(stage), (4,), False)
    return len(seen)


def test_a_class_of_anybody_else_is_traced_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in may call its classes what timm calls its own."""
    assert traces(nn.Linear(4, 4), monkeypatch) == 1
    assert traces(Doubled(4, 4), monkeypatch) == 2
    assert traces(nn.Sequential(nn.Linear(4, 4), Doubled(4, 4)), monkeypatch) == 2


@pytest.mark.parametrize(("change", "times"), [(None, 1), ("function", 2), ("hook", 2)])
def test_a_stage_that_does_more_than_shows_is_traced_each_time(
    change: str | None, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = nn.Linear(4, 4)
    if change == "function":
        stage.act = torch.relu  # type: ignore[assignment]
    elif change == "hook":
        stage.register_forward_hook(lambda module, args, output: output @ output.T)
    assert traces(stage, monkeypatch) == times


def test_another_version_of_a_library_has_figures_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def entries() -> int:
        structure("vit_tiny_patch16_224", "bias")[1].stage_costs(((0, 1),), (3, 32, 32))
        return len(list((tmp_path / "cache" / "costs").iterdir()))

    once = entries()
    assert entries() == once
    known.versions.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(known, "version", lambda package: "another")
        assert entries() == 2 * once
    known.versions.cache_clear()


def test_a_model_of_a_plug_in_under_a_name_of_timms_is_built_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lazy.model_key("vit_tiny_patch16_224", 32)
    monkeypatch.setitem(timm.models._registry._model_entrypoints, "vit_tiny_patch16_224", lambda **_: None)
    assert not lazy.model_key("vit_tiny_patch16_224", 32)


SLOW = ["timm", "torchvision", "torch._dynamo", "sympy", "fvcore", "sklearn", "scipy", "pandas", "matplotlib"]


def test_a_second_dry_run_does_without_slow_libraries(sfsim: Sfsim, tmp_path: Path) -> None:
    """timm brings torchvision, and with it much of torch that is only for compiling."""
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "name: tiny\nworld: {devices: [{name: phone, count: 2}], server: {name: rtx-4090}}\nmodel: {name: bundled}\n"
        "data: {name: digits}\ntraining: {rounds: 1, clients_per_round: 2, batch_size: 8, optimizer: {name: sgd}}\n"
        "algorithms: [{name: fedavg}, {name: sfprompt}]\n"
    )
    code = (
        "import sys; from simulator.cli import main; sys.argv = ['sfsim', 'validate', 'tiny.yaml']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {SLOW!r} if name in sys.modules])"
    )
    forget()
    assert sfsim("validate", file)[0] == 0
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
