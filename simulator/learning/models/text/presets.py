"""Published language models by name: the shape of each, and the repository of the Hugging Face hub it comes from.

Tests check the shapes of gpt2, bert-base-uncased and roberta-base against transformers (of RoBERTa, the vocabulary, the
positions, the types and the epsilon, in which the library has other defaults, are recalled), and those of minilm and
smollm2-135m against the weights in their packages. All other shapes are recalled, not verified, and so are the
published numbers of parameters that they add up to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from simulator.learning.models.text.config import TextConfig


class Preset(NamedTuple):
    """A published model.

    Attributes:
        repository: the repository of the hub.
        config: its shape.
    """

    repository: str
    config: TextConfig


def _gpt2(repository: str, width: int, blocks: int, heads: int) -> Preset:
    return Preset(repository, TextConfig("gpt2", 50257, 1024, width, blocks, heads, mlp=4 * width))


def _bert(repository: str, width: int, blocks: int, heads: int, pooling: str = "token") -> Preset:
    shape = TextConfig("bert", 30522, 512, width, blocks, heads, mlp=4 * width, epsilon=1e-12)
    return Preset(repository, replace(shape, separator=102, pooling=pooling))


def _roberta(repository: str, width: int, blocks: int, heads: int) -> Preset:
    return Preset(repository, TextConfig("roberta", 50265, 512, width, blocks, heads, mlp=4 * width, types=1))


def _llama32(repository: str, width: int, blocks: int, heads: int, head_width: int) -> Preset:
    shape = TextConfig("llama", 128256, 131072, width, blocks, heads, mlp=8192, kv_heads=8, theta=500_000.0)
    return Preset(repository, replace(shape, head_width=head_width, scaling=(32.0, 1.0, 4.0, 8192.0)))


def _smollm2(repository: str, width: int, blocks: int, heads: int, kv_heads: int, mlp: int, theta: float) -> Preset:
    return Preset(repository, TextConfig("llama", 49152, 8192, width, blocks, heads, mlp, kv_heads, theta=theta))


def _qwen25(repository: str, positions: int, width: int, blocks: int, heads: int, mlp: int) -> Preset:
    shape = TextConfig("llama", 151936, positions, width, blocks, heads, mlp, kv_heads=2, epsilon=1e-6)
    return Preset(repository, replace(shape, theta=1_000_000.0, qkv_bias=True))


PRESETS = {
    "gpt2": _gpt2("openai-community/gpt2", 768, 12, 12),
    "gpt2-medium": _gpt2("openai-community/gpt2-medium", 1024, 24, 16),
    "gpt2-large": _gpt2("openai-community/gpt2-large", 1280, 36, 20),
    "gpt2-xl": _gpt2("openai-community/gpt2-xl", 1600, 48, 25),
    "distilgpt2": _gpt2("distilbert/distilgpt2", 768, 6, 12),
    "bert-base-uncased": _bert("google-bert/bert-base-uncased", 768, 12, 12),
    "bert-large-uncased": _bert("google-bert/bert-large-uncased", 1024, 24, 16),
    "minilm": _bert("sentence-transformers/all-MiniLM-L6-v2", 384, 6, 12, pooling="mean"),
    "roberta-base": _roberta("FacebookAI/roberta-base", 768, 12, 12),
    "roberta-large": _roberta("FacebookAI/roberta-large", 1024, 24, 16),
    "distilroberta-base": _roberta("distilbert/distilroberta-base", 768, 6, 12),
    "llama-3.2-1b": _llama32("meta-llama/Llama-3.2-1B", 2048, 16, 32, 64),
    "llama-3.2-3b": _llama32("meta-llama/Llama-3.2-3B", 3072, 28, 24, 128),
    "smollm2-135m": _smollm2("HuggingFaceTB/SmolLM2-135M", 576, 30, 9, 3, 1536, 100_000.0),
    "smollm2-360m": _smollm2("HuggingFaceTB/SmolLM2-360M", 960, 32, 15, 5, 2560, 100_000.0),
    "smollm2-1.7b": _smollm2("HuggingFaceTB/SmolLM2-1.7B", 2048, 24, 32, 32, 8192, 130_000.0),
    "tinyllama": Preset(
        "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        TextConfig("llama", 32000, 2048, 2048, 22, 32, mlp=5632, kv_heads=4, tied=False),
    ),
    "qwen2.5-0.5b": _qwen25("Qwen/Qwen2.5-0.5B", 32768, 896, 24, 14, 4864),
    "qwen2.5-1.5b": _qwen25("Qwen/Qwen2.5-1.5B", 131072, 1536, 28, 12, 8960),
}
"""The published models by the names that a scenario has for them."""
