"""Small models of the transformers library, with the weights that they save, as a reference for ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.helpers.texts import CLASSES, SEPARATOR, VOCABULARY

PAD = 0
"""The id that pads texts for transformers; no text has it."""
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
"""With heads of eight, one of four frequencies is as trained, one is divided, and two are in between."""
ENCODER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
LLAMA = {**ENCODER, "num_key_value_heads": 2, "max_position_embeddings": 32}
SETTINGS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 20},
    "bert": {**ENCODER, "max_position_embeddings": 20},
    "roberta": {**ENCODER, "max_position_embeddings": 22, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    "llama": {**LLAMA, "tie_word_embeddings": True},
    "llama with biases": {**LLAMA, "attention_bias": True, "mlp_bias": True, "head_dim": 12},
    "llama scaled": {**LLAMA, "rope_parameters": LLAMA3},
    "llama stretched": {**LLAMA, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 50.0}},
    "qwen2": {**LLAMA, "num_key_value_heads": 1},
}
"""The settings of small models, by name; the first word is the type of the model."""


def reference(kind: str, task: str, seed: int = 0) -> Any:
    """Return a model of transformers, in which no weight is 0 or 1, so that no omission goes unnoticed.

    Args:
        kind: a key of ``SETTINGS``.
        task: ``ForSequenceClassification``, ``LMHeadModel`` or ``Model``: how its class is called.
        seed: of its weights.
    """
    import transformers

    prefix = {"gpt2": "GPT2", "bert": "Bert", "roberta": "Roberta", "llama": "Llama", "qwen2": "Qwen2"}[kind.split()[0]]
    shared = {"vocab_size": VOCABULARY, "num_labels": CLASSES, "pad_token_id": PAD}
    if prefix == "Roberta":
        shared["pad_token_id"] = 1  # where its positions start
    dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0} if prefix == "GPT2" else {}
    config = getattr(transformers, f"{prefix}Config")(**shared, **dropout, **SETTINGS[kind])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = getattr(transformers, prefix + task)(config)
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def saved(model: Any, folder: Path) -> Path:
    """Save a model as the hub has it, config.json and model.safetensors, and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), default=str))
    tensors = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
    save_file(tensors, folder / "model.safetensors")
    return folder


def answers(model: Any, ids: Tensor, pairs: bool = False) -> Tensor:
    """Return the logits of a model of transformers for ids [N, T], padded with -1.

    Args:
        model: the model.
        ids: the ids.
        pairs: whether the separator ends the first sentence of each.
    """
    real = ids >= 0
    given: dict[str, Tensor] = {"input_ids": ids.where(real, model.config.pad_token_id), "attention_mask": real.long()}
    if pairs:
        ends = (ids == SEPARATOR).long()
        given["token_type_ids"] = ends.cumsum(1) - ends
        given["token_type_ids"] = given["token_type_ids"].clamp(max=1)
    with torch.no_grad():
        logits: Tensor = model(**given).logits
    return logits
