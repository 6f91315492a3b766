"""The names that weights have in files of Hugging Face and of llama.cpp, and what they are called in stages here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from simulator.learning.models.text.config import TextConfig

Rules = tuple[tuple[str, str], ...]
"""Patterns of whole names, each with the name in stages; an empty one means that the tensor is not needed."""

OF_LLAMA: Rules = (
    (r"embed_tokens\.weight", "embed.tokens.weight"),
    (r"layers\.(\d+)\.self_attn\.([qkvo])_proj\.(\w+)", r"block\1.attn.\2.\3"),
    (r"layers\.(\d+)\.mlp\.(gate|up|down)_proj\.(\w+)", r"block\1.mlp.\2.\3"),
    (r"layers\.(\d+)\.input_layernorm\.weight", r"block\1.norm1.weight"),
    (r"layers\.(\d+)\.post_attention_layernorm\.weight", r"block\1.norm2.weight"),
    (r"norm\.weight", "head.norm.weight"),
    (r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq", ""),
)
OF_GPT2: Rules = (
    (r"wte\.weight", "embed.tokens.weight"),
    (r"wpe\.weight", "embed.positions.weight"),
    (r"h\.(\d+)\.ln_([12])\.(\w+)", r"block\1.norm\2.\3"),
    (r"h\.(\d+)\.attn\.c_attn\.(\w+)", r"block\1.attn.qkv.\2"),
    (r"h\.(\d+)\.attn\.c_proj\.(\w+)", r"block\1.attn.o.\2"),
    (r"h\.(\d+)\.mlp\.c_fc\.(\w+)", r"block\1.mlp.fc1.\2"),
    (r"h\.(\d+)\.mlp\.c_proj\.(\w+)", r"block\1.mlp.fc2.\2"),
    (r"ln_f\.(\w+)", r"head.norm.\1"),
    (r"h\.\d+\.attn\.(bias|masked_bias)", ""),
)
OF_BERT: Rules = (
    (r"embeddings\.word_embeddings\.weight", "embed.tokens.weight"),
    (r"embeddings\.position_embeddings\.weight", "embed.positions.weight"),
    (r"embeddings\.token_type_embeddings\.weight", "embed.types.weight"),
    (r"embeddings\.LayerNorm\.(\w+)", r"embed.norm.\1"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(q|k|v)\w+\.(\w+)", r"block\1.attn.\2.\3"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(\w+)", r"block\1.attn.o.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(\w+)", r"block\1.norm1.\2"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(\w+)", r"block\1.mlp.fc1.\2"),
    (r"encoder\.layer\.(\d+)\.output\.dense\.(\w+)", r"block\1.mlp.fc2.\2"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(\w+)", r"block\1.norm2.\2"),
    (r"embeddings\.(position_ids|token_type_ids)", ""),
    (r"cls\..*|lm_head\..*", ""),
)
HUGGING_FACE: dict[str, Rules] = {
    "llama": (*OF_LLAMA, (r"lm_head\.weight", "head.head.weight"), (r"score\.weight", "head.head.weight")),
    "gpt2": (*OF_GPT2, (r"lm_head\.weight", "head.head.weight"), (r"score\.weight", "head.head.weight")),
    "bert": (
        *OF_BERT,
        (r"pooler\.dense\.(\w+)", r"head.dense.\1"),
        (r"classifier\.(\w+)", r"head.head.\1"),
    ),
    "roberta": (
        *OF_BERT,
        (r"pooler\..*", ""),
        (r"classifier\.dense\.(\w+)", r"head.dense.\1"),
        (r"classifier\.out_proj\.(\w+)", r"head.head.\1"),
    ),
}
"""By the family of the model; the names come without a prefix such as ``transformer.``."""
PREFIXES = {"llama": "model.", "gpt2": "transformer.", "bert": "bert.", "roberta": "roberta."}
FOR_CLASSES = re.compile(r"score\.|classifier\.")
"""The names of classifiers, as against language-model heads."""

GGUF: dict[str, Rules] = {
    "llama": (
        (r"token_embd\.weight", "embed.tokens.weight"),
        (r"blk\.(\d+)\.attn_([qkv])\.(\w+)", r"block\1.attn.\2.\3"),
        (r"blk\.(\d+)\.attn_output\.(\w+)", r"block\1.attn.o.\2"),
        (r"blk\.(\d+)\.ffn_(gate|up|down)\.(\w+)", r"block\1.mlp.\2.\3"),
        (r"blk\.(\d+)\.attn_norm\.weight", r"block\1.norm1.weight"),
        (r"blk\.(\d+)\.ffn_norm\.weight", r"block\1.norm2.weight"),
        (r"output_norm\.weight", "head.norm.weight"),
        (r"output\.weight", "head.head.weight"),
        (r"rope_freqs\.weight", ""),
    ),
    "gpt2": (
        (r"token_embd\.weight", "embed.tokens.weight"),
        (r"position_embd\.weight", "embed.positions.weight"),
        (r"blk\.(\d+)\.attn_norm\.(\w+)", r"block\1.norm1.\2"),
        (r"blk\.(\d+)\.attn_qkv\.(\w+)", r"block\1.attn.qkv.\2"),
        (r"blk\.(\d+)\.attn_output\.(\w+)", r"block\1.attn.o.\2"),
        (r"blk\.(\d+)\.ffn_norm\.(\w+)", r"block\1.norm2.\2"),
        (r"blk\.(\d+)\.ffn_up\.(\w+)", r"block\1.mlp.fc1.\2"),
        (r"blk\.(\d+)\.ffn_down\.(\w+)", r"block\1.mlp.fc2.\2"),
        (r"output_norm\.(\w+)", r"head.norm.\1"),
        (r"output\.weight", "head.head.weight"),
    ),
    "bert": (
        (r"token_embd\.weight", "embed.tokens.weight"),
        (r"position_embd\.weight", "embed.positions.weight"),
        (r"token_types\.weight", "embed.types.weight"),
        (r"token_embd_norm\.(\w+)", r"embed.norm.\1"),
        (r"blk\.(\d+)\.attn_([qkv])\.(\w+)", r"block\1.attn.\2.\3"),
        (r"blk\.(\d+)\.attn_qkv\.(\w+)", r"block\1.attn.qkv.\2"),
        (r"blk\.(\d+)\.attn_output\.(\w+)", r"block\1.attn.o.\2"),
        (r"blk\.(\d+)\.attn_output_norm\.(\w+)", r"block\1.norm1.\2"),
        (r"blk\.(\d+)\.ffn_up\.(\w+)", r"block\1.mlp.fc1.\2"),
        (r"blk\.(\d+)\.ffn_down\.(\w+)", r"block\1.mlp.fc2.\2"),
        (r"blk\.(\d+)\.layer_output_norm\.(\w+)", r"block\1.norm2.\2"),
        (r"cls\..*", ""),
    ),
}
"""By the architecture that the file names; Qwen2 has the names of Llama."""


def renamed(saved: Mapping[str, Tensor], rules: Rules, prefix: str = "") -> tuple[dict[str, Tensor], list[str]]:
    """Return tensors by their names in stages, and the names that no rule is for.

    Layers that hold queries, keys and values in one are cut in three: their rows are those of all queries first.

    Args:
        saved: name in the file -> tensor.
        rules: what each name becomes.
        prefix: what a name may begin with.
    """
    tensors: dict[str, Tensor] = {}
    unknown = []
    for full, tensor in saved.items():
        name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", full.removeprefix(prefix)))
        match = next(((found, new) for rule, new in rules if (found := re.fullmatch(rule, name))), None)
        if match is None:
            unknown.append(full)
        elif match[1]:
            found, new = match
            ours = found.expand(new)
            if ".qkv." in ours and tensor.ndim and len(tensor) % 3 == 0:
                tensors |= {
                    ours.replace("qkv", third): rows for third, rows in zip("qkv", tensor.chunk(3), strict=True)
                }
            else:
                tensors[ours] = tensor
    return tensors, unknown


def from_hugging_face(config: TextConfig, saved: Mapping[str, Tensor], classes: bool) -> dict[str, Tensor]:
    """Return the tensors of a Hugging Face checkpoint by their names in stages; unknown names are kept as they are.

    Args:
        config: of the model.
        saved: name -> tensor, as transformers saves them.
        classes: whether the model tells classes apart; the file's head for another task is left out.
    """
    prefix = PREFIXES[config.family]
    needed = {
        name: tensor.t() if config.family == "gpt2" and re.search(r"\.c_(attn|proj|fc)\.weight$", name) else tensor
        for name, tensor in saved.items()
        if not ("lm_head." in name if classes else FOR_CLASSES.match(name))
    }
    tensors, unknown = renamed(needed, HUGGING_FACE[config.family], prefix)
    return {**tensors, **{name: saved[name] for name in unknown}}


def is_ours(saved: Mapping[str, Tensor]) -> bool:
    """Tell whether tensors have the names of stages already."""
    return "embed.tokens.weight" in saved and any(name.startswith("block0.") for name in saved)
