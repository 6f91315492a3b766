"""Weights from a file: those of the model, or one message."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from simulator.learning.models.build import build
from simulator.learning.models.checkpoints import CheckpointError, load
from simulator.settings.errors import UnfitError
from tests.helpers.models import CLASSES, resnet, vit
from tests.helpers.places import SHARED

OURS = SHARED / "weights" / "vit_mini_p4_32.safetensors"


def written(path: Path, tensors: Any) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


def state(model: nn.Module, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return {
        name: tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in model.state_dict().items()
    }


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("file", ["a.safetensors", "a.pt", "a.pth", "a.bin"])
@pytest.mark.parametrize("make", [vit, resnet])
def test_a_state_dict(make: Any, file: str, tmp_path: Path) -> None:
    wanted, model = state(make(seed=1)), make(seed=2)
    assert not equal(state(model), wanted)
    load(model, written(tmp_path / file, wanted))
    assert equal(state(model), wanted)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_what_a_training_script_saves(key: str, tmp_path: Path) -> None:
    wanted, model = state(vit(seed=1)), vit(seed=2)
    load(model, written(tmp_path / "a.pt", {"epoch": 3, key: wanted, "optimizer": {"lr": 0.1}}))
    assert equal(state(model), wanted)


def test_an_old_file_of_torch(tmp_path: Path) -> None:
    wanted, model = state(vit(seed=1)), vit(seed=2)
    torch.save(wanted, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    load(vit().to("meta"), tmp_path / "a.pt", dry=True)
    load(model, tmp_path / "a.pt")
    assert equal(state(model), wanted)


@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types_are_cast_to_float32(dtype: torch.dtype, file: str, tmp_path: Path) -> None:
    halves, model = state(resnet(seed=1), dtype), resnet(seed=2)
    load(model, written(tmp_path / file, halves))
    found = state(model)
    assert equal(found, {name: t.float() if t.is_floating_point() else t for name, t in halves.items()})
    assert found["conv1.0.weight"].dtype == torch.float32


@pytest.mark.parametrize("settings", [{}, {"reg_tokens": 2}, {"reg_tokens": 2, "no_embed_class": True}], ids=str)
def test_position_embeddings_are_resampled(settings: dict[str, Any], tmp_path: Path) -> None:
    old, model = state(vit(seed=1, **settings)), vit(seed=2, img_size=40, **settings)
    prefix = model.pos_embed.shape[1] - 25
    load(model, written(tmp_path / "a.safetensors", {name: tensor.half() for name, tensor in old.items()}))
    wanted = resample_abs_pos_embed(old["pos_embed"].half().float(), [5, 5], num_prefix_tokens=prefix)
    assert torch.equal(model.pos_embed, wanted)
    load(vit(img_size=40, **settings).to("meta"), tmp_path / "a.safetensors", dry=True)


@pytest.mark.parametrize(("make", "classifier"), [(vit, "head."), (resnet, "fc.")])
def test_a_classifier_for_other_classes_is_left_out(make: Any, classifier: str, tmp_path: Path) -> None:
    old, model = state(make(seed=1, num_classes=9)), make(seed=2)
    before = state(model)
    load(model, written(tmp_path / "a.pt", old))
    for name, tensor in state(model).items():
        assert torch.equal(tensor, before[name] if name.startswith(classifier) else old[name]), name
    assert len(before[f"{classifier}weight"]) == CLASSES


@pytest.mark.parametrize(("make", "classifier"), [(vit, "head."), (resnet, "fc.")])
def test_a_file_without_a_classifier_or_counters(make: Any, classifier: str, tmp_path: Path) -> None:
    old, model = state(make(seed=1)), make(seed=2)
    fewer = {name: t for name, t in old.items() if not name.startswith(classifier) and "num_batches" not in name}
    before = state(model)
    load(model, written(tmp_path / "a.safetensors", fewer))
    found = state(model)
    assert all(torch.equal(found[name], fewer[name]) for name in fewer)
    assert all(torch.equal(found[name], before[name]) for name in found if name.startswith(classifier))


class Anything:
    """When read without care, this leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def wrong(kind: str, folder: Path) -> Path:
    """A file with which something is wrong."""
    tensors = state(vit())
    some = list(tensors)
    if kind == "not there":
        return folder / "none.pt"
    if kind == "a folder":
        (folder / "a.pt").mkdir()
        return folder / "a.pt"
    if kind == "unsafe":
        return written(folder / "a.pt", {"state_dict": tensors, "run": Anything(folder / "ran")})
    if kind == "a model":
        return written(folder / "a.pt", vit())
    if kind in ("text", "text.safetensors", "empty"):
        file = folder / ("a.safetensors" if kind.endswith("safetensors") else "a.pt")
        file.write_text("" if kind == "empty" else "just words")
        return file
    if kind in ("cut off", "cut off.safetensors"):
        file = written(folder / ("a.safetensors" if kind.endswith("safetensors") else "a.pt"), tensors)
        file.write_bytes(file.read_bytes()[:3000])
        return file
    changed: Any = {
        "a list": [1, 2],
        "nothing": {},
        "numbers": {**tensors, "epoch": 3},
        "fewer": {name: tensors[name] for name in some[5:] if not name.startswith("blocks.2.")},
        "more": {**tensors, "head_dist.weight": torch.ones(3), "x": torch.ones(1)},
        "other names": {f"module.{name}": tensor for name, tensor in tensors.items()},
        "narrower": state(vit(embed_dim=12)),
        "other patches": state(vit(patch_size=4, img_size=8)),
        "one number": {**tensors, "norm.bias": torch.tensor(1.0)},
        "no square": {**tensors, "pos_embed": torch.ones(1, 4, 16)},
        "on meta": {**tensors, "norm.bias": torch.empty(16, device="meta")},
        "flat": {**tensors, "pos_embed": torch.ones(5, 16)},
        "wider classifier": {**tensors, "head.weight": torch.ones(CLASSES, 17)},
    }[kind]
    return written(folder / "a.pt", changed)


WRONG = {
    "not there": "there is no file FILE",
    "a folder": "there is no file FILE",
    "on meta": "FILE holds tensors without values (on meta): norm.bias; save",
    "unsafe": "FILE is not a state dict that torch.save wrote, or holds more than tensors, which could run any ",
    "a model": "or holds more than tensors, which could run any program when it is read: save model.state_dict() alone",
    "text": "FILE cannot be read as a file of torch.save (",
    "text.safetensors": "FILE cannot be read as safetensors (SafetensorError: ",
    "empty": "FILE cannot be read as a file of torch.save (EOFError",
    "cut off": "FILE cannot be read as a file of torch.save (",
    "cut off.safetensors": "FILE cannot be read as safetensors (SafetensorError: ",
    "a list": "FILE holds no weights: a state dict of names and tensors is expected",
    "nothing": "FILE holds no weights: a state dict of names and tensors is expected",
    "numbers": "FILE holds no state dict: 'epoch' is not a tensor, but of type int",
    "fewer": "FILE does not fit the model: it lacks cls_token, pos_embed, patch_embed.proj.weight and 14 more",
    "more": "FILE does not fit the model: it also has head_dist.weight, x",
    "other names": "it lacks cls_token, pos_embed, patch_embed.proj.weight and 39 more, and also has module.cls_tok",
    "narrower": "FILE does not fit the model: cls_token is 1 x 1 x 12 there, and 1 x 1 x 16 here",
    "other patches": "FILE does not fit the model: patch_embed.proj.weight is 16 x 3 x 4 x 4 there, and 16 x 3 x 8 x",
    "one number": "FILE does not fit the model: norm.bias is one number there, and 16 here",
    "no square": "FILE does not fit the model: pos_embed is 1 x 4 x 16 there, and 1 x 5 x 16 here",
    "flat": "FILE does not fit the model: pos_embed is 5 x 16 there, and 1 x 5 x 16 here",
    "wider classifier": "FILE does not fit the model: head.weight is 5 x 17 there, and 5 x 16 here",
}


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_used_is_one_message(kind: str, dry: bool, tmp_path: Path) -> None:
    file, model = wrong(kind, tmp_path), vit()
    before = state(model)
    with pytest.raises(CheckpointError) as found:
        load(model.to("meta") if dry else model, file, dry)
    assert WRONG[kind] in str(found.value).replace(str(file), "FILE")
    assert "\n" not in str(found.value)
    assert not (tmp_path / "ran").exists()
    if not dry:
        assert equal(state(model), before), "a file that is refused changes nothing"


def test_weights_instead_of_published_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", None)
    keywords = {"layers": [1, 1, 1, 1], "channels": [8, 8, 12, 16], "stem_type": "deep", "stem_width": 4}
    file = written(tmp_path / "a.pt", state(resnet(layers=(1, 1, 1, 1))))
    one, two = (
        build("resnet18", 32, classes, seed=3, weights=str(file), keywords=keywords).model for classes in (CLASSES, 7)
    )
    assert equal(state(one), state(resnet(layers=(1, 1, 1, 1))))
    assert torch.equal(two.layer1[0].conv1.weight, one.layer1[0].conv1.weight)
    assert torch.equal(two.bn1.running_mean, one.bn1.running_mean)
    assert two.fc.weight.shape == (7, 16)


def test_random_with_weights_is_the_bundled_shape_with_these(tmp_path: Path) -> None:
    other = build("random", 32, 200, seed=5).model
    file = str(written(tmp_path / "a.safetensors", state(other, torch.float16)))
    found = build("random", 16, 10, seed=6, weights=file)
    assert torch.equal(found.model.blocks[5].mlp.fc2.weight, other.blocks[5].mlp.fc2.weight.half().float())
    assert found.model.pos_embed.shape == (1, 17, 128)
    assert torch.equal(found.model.head.weight, build("random", 16, 10, seed=6).model.head.weight)
    assert found.statistics == build("random", 32, 10, seed=0).statistics
    dry = build("random", 16, 10, seed=6, dry=True, weights=file).model
    assert dry.pos_embed.is_meta


def test_bundled_has_weights_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="the bundled model has its own weights: use 'name: random'") as found:
        build("bundled", 32, 10, seed=0, weights=str(tmp_path / "a.pt"))
    assert found.value.path == ("weights",)


@pytest.mark.skipif(not OURS.exists(), reason="the checkpoint that the bundled one is a copy of is not here")
@pytest.mark.parametrize(("size", "classes"), [(32, 200), (16, 10)])
def test_the_published_checkpoint_from_its_file_is_the_bundled_model(size: int, classes: int) -> None:
    one, two = build("bundled", size, classes, seed=1), build("random", size, classes, seed=1, weights=str(OURS))
    assert equal(state(one.model), state(two.model))
