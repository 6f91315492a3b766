"""The configuration of a model in the words of Hugging Face's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.learning.models.stages import NotStagedError
from simulator.learning.models.text.config import TextConfig
from simulator.settings.bounds import MOST_WIDTH
from simulator.settings.wording import listed

MODEL_TYPES = ("gpt2", "bert", "roberta", "llama", "qwen2")
SEPARATOR = 102
"""The id of [SEP] in the vocabularies that BERT was published with; config.json does not have it."""
ACTIVATIONS = {
    "gpt2": ("gelu_new", "gelu_pytorch_tanh"),
    "bert": ("gelu",),
    "roberta": ("gelu",),
    "llama": ("silu", "swish"),
}
PLAIN: dict[str, Any] = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "scale_attn_by_inverse_layer_idx": False,
    "scale_attn_weights": True,
    "use_sliding_window": False,
    "quantization_config": None,
}
"""What changes the computation, and the value that it has here."""


def from_config_json(config: Mapping[str, Any]) -> TextConfig:
    """Return the configuration that a config.json describes.

    Raises:
        NotStagedError: it is of another type, lacks a number, or has a part that is not supported.
    """
    kind = config.get("model_type")
    if kind not in MODEL_TYPES:
        raise NotStagedError(f"its model_type is {kind!r}, and {listed(MODEL_TYPES)} can be used")
    for key, value in PLAIN.items():
        if config.get(key, value) != value:
            raise NotStagedError(f"{key} is {config[key]!r} in its config.json, which is not supported")
    family = "llama" if kind == "qwen2" else kind
    activation = config.get("activation_function" if kind == "gpt2" else "hidden_act", ACTIVATIONS[family][0])
    if activation not in ACTIVATIONS[family]:
        raise NotStagedError(f"its activation is {activation!r}, and a {kind} has {ACTIVATIONS[family][0]!r} here")
    try:
        made = {"gpt2": _gpt2, "llama": _llama}.get(family, _bert)(family, config)
    except KeyError as error:
        raise NotStagedError(f"its config.json lacks {error.args[0]!r}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise NotStagedError(f"its config.json has a value of the wrong kind ({error})") from error
    for key in ("vocabulary", "positions", "width", "blocks", "heads", "mlp"):
        if not isinstance(size := getattr(made, key), int) or not 0 < size <= MOST_WIDTH:
            raise NotStagedError(f"its config.json has a value of the wrong kind ({key}: {size!r})")
    return made


def _gpt2(family: str, config: Mapping[str, Any]) -> TextConfig:
    width = config["n_embd"]
    return TextConfig(
        family,
        vocabulary=config["vocab_size"],
        positions=config["n_positions"],
        width=width,
        blocks=config["n_layer"],
        heads=config["n_head"],
        mlp=config.get("n_inner") or 4 * width,
        epsilon=config.get("layer_norm_epsilon", 1e-5),
        tied=config.get("tie_word_embeddings", True),
        deviation=config.get("initializer_range", 0.02),
    )


def _bert(family: str, config: Mapping[str, Any]) -> TextConfig:
    return TextConfig(
        family,
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"] - 2 * (family == "roberta"),
        width=config["hidden_size"],
        blocks=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        mlp=config["intermediate_size"],
        epsilon=config.get("layer_norm_eps", 1e-12),
        types=config.get("type_vocab_size", 2),
        separator=SEPARATOR if family == "bert" and config["vocab_size"] > SEPARATOR else -1,
        deviation=config.get("initializer_range", 0.02),
    )


def _llama(family: str, config: Mapping[str, Any]) -> TextConfig:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    qwen = config["model_type"] == "qwen2"
    return TextConfig(
        family,
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        width=config["hidden_size"],
        blocks=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        mlp=config["intermediate_size"],
        kv_heads=config.get("num_key_value_heads") or 0,
        head_width=config.get("head_dim") or 0,
        epsilon=config.get("rms_norm_eps", 1e-6),
        theta=float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))),
        scaling=_scaling(rope),
        qkv_bias=qwen or config.get("attention_bias", False),
        output_bias=not qwen and config.get("attention_bias", False),
        mlp_bias=config.get("mlp_bias", False),
        tied=config.get("tie_word_embeddings", False),
        deviation=config.get("initializer_range", 0.02),
    )


def _scaling(rope: Mapping[str, Any]) -> tuple[float, ...]:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return ()
    if kind == "linear":
        return (float(rope["factor"]),)
    if kind == "llama3":
        keys = "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"
        return tuple(float(rope[key]) for key in keys)
    raise NotStagedError(f"its rotary positions are scaled by {kind!r}, and default, linear and llama3 can be used")
