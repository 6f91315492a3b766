"""Files of llama.cpp (GGUF): their configuration, and their weights, de-quantised to float32."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from simulator.learning.gguf_reader import opened
from simulator.learning.models.checkpoints import CheckpointError
from simulator.learning.models.stages.llama import frequencies
from simulator.learning.models.text.config import TextConfig
from simulator.learning.models.text.names import GGUF, renamed
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from gguf import GGUFReader

SUFFIX = ".gguf"
ARCHITECTURES = {"llama": "llama", "qwen2": "llama", "gpt2": "gpt2", "bert": "bert"}
"""The architectures that are known, and the family of each."""
LLAMA3 = 1.0, 4.0, 8192.0
"""How far frequencies were trained, in Llama 3.1 and later; a file has only what comes of it."""


def config_of(path: Path) -> TextConfig:
    """Return the configuration of a file, from its metadata.

    Raises:
        CheckpointError: it cannot be read, or is of another architecture.
    """
    reader = _opened(path)
    architecture = _architecture(reader, path)
    family = ARCHITECTURES[architecture]

    def value(key: str, default: Any = None) -> Any:
        found = reader.get_field(key.format(architecture))
        if found is None and default is None:
            raise CheckpointError(f"{path} does not say {key.format(architecture)}")
        return default if found is None else found.contents()

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if "token_embd.weight" not in tensors:
        raise CheckpointError(f"{path} has no embedding of words (token_embd.weight)")
    heads, width = value("{}.attention.head_count"), value("{}.embedding_length")
    norm = "{}.attention.layer_norm_rms_epsilon" if family == "llama" else "{}.attention.layer_norm_epsilon"
    head_width = value("{}.attention.key_length", 0) or value("{}.rope.dimension_count", 0)
    theta = float(value("{}.rope.freq_base", 10_000.0))
    rope = tensors.get("rope_freqs.weight")
    return TextConfig(
        family=family,
        vocabulary=int(tensors["token_embd.weight"].shape[-1]),
        positions=value("{}.context_length"),
        width=width,
        blocks=value("{}.block_count"),
        heads=heads,
        mlp=value("{}.feed_forward_length"),
        kv_heads=value("{}.attention.head_count_kv", 0) if family == "llama" else 0,
        head_width=head_width if family == "llama" else 0,
        epsilon=float(f"{value(norm):.6g}"),  # kept in 32 bits there
        theta=theta,
        scaling=() if rope is None else _scaling(torch.tensor(rope.data.copy()), head_width or width // heads, theta),
        qkv_bias=family == "llama" and "blk.0.attn_q.bias" in tensors,
        output_bias=family == "llama" and "blk.0.attn_output.bias" in tensors,
        tied="output.weight" not in tensors,
        types=int(tensors["token_types.weight"].shape[-1]) if "token_types.weight" in tensors else 2,
        separator=value("tokenizer.ggml.seperator_token_id", -1) if family == "bert" else -1,
        pooling="mean" if family == "bert" and value("{}.pooling_type", 0) == 1 else "token",
    )


def read(path: Path, config: TextConfig, dry: bool = False) -> dict[str, Tensor]:
    """Return the weights of a file by their names in stages, as float32; on ``meta`` in a dry run.

    Args:
        path: the file.
        config: of the model that they are for.
        dry: whether shapes are enough.

    Raises:
        CheckpointError: it cannot be read, is of another architecture, or has tensors of other names.
    """
    reader = _opened(path)
    architecture = _architecture(reader, path)
    if ARCHITECTURES[architecture] != config.family:
        raise CheckpointError(f"{path} is a {architecture}, and the model is of the family {config.family}")
    saved = {tensor.name: _values(tensor, dry) for tensor in reader.tensors}
    tensors, unknown = renamed(saved, GGUF[ARCHITECTURES[architecture]])
    if architecture == "llama":
        for heads, third in ((config.heads, "q"), (config.key_heads, "k")):
            for name in [name for name in tensors if f".attn.{third}." in name]:
                tensors[name] = _in_halves(tensors[name], heads)
    return {**tensors, **{name: saved[name] for name in unknown}}


def _opened(path: Path) -> GGUFReader:
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    try:
        return opened(path)
    except ImportError:
        raise CheckpointError(f"{path} is read with gguf, which is not installed: pip install 'sfsim[text]'") from None
    except Exception as error:  # each kind of damage raises its own
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])[:150]
        raise CheckpointError(f"{path} cannot be read as GGUF ({reason})") from error


def _architecture(reader: GGUFReader, path: Path) -> str:
    field = reader.get_field("general.architecture")
    architecture = str(field.contents()) if field else "nothing that is named"
    if architecture not in ARCHITECTURES:
        raise CheckpointError(f"{path} is a {architecture}, and of GGUF files {listed(ARCHITECTURES)} can be used")
    return architecture


def _values(tensor: Any, dry: bool) -> Tensor:
    shape = tuple(int(size) for size in reversed(tensor.shape))
    if dry:
        return torch.empty(shape, device="meta")
    from gguf import dequantize

    return torch.tensor(dequantize(tensor.data, tensor.tensor_type)).float().reshape(shape)


def _in_halves(rows: Tensor, heads: int) -> Tensor:
    """Undo how llama.cpp orders the rows of queries and keys: there a pair is two neighbours, here (i, i + half)."""
    if rows.ndim == 0 or len(rows) % (2 * heads):
        return rows  # of another shape than the model: that is reported later
    return rows.unflatten(0, (heads, len(rows) // heads // 2, 2)).transpose(1, 2).flatten(0, 2)


def _scaling(factors: Tensor, width: int, theta: float) -> tuple[float, ...]:
    """Return the scaling of Llama 3.1 that frequencies divided by these factors have.

    Raises:
        CheckpointError: they have another one.
    """
    scaling = (float(factors.max()), *LLAMA3)
    plain, scaled = (frequencies(width, theta, one, torch.device("cpu")) for one in ((), scaling))
    if factors.shape != plain.shape or not torch.allclose(plain / scaled, factors.float(), rtol=1e-3):
        raise CheckpointError("the file scales rotary positions in another way than Llama 3.1 does")
    return scaling if not math.isclose(scaling[0], 1.0) else ()
