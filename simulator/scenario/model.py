"""The model of a scenario."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from simulator.settings.base import LocalPath, Settings
from simulator.settings.bounds import ImageSize, TextLength


class ModelSettings(Settings):
    """The model that is trained.

    Attributes:
        name: "bundled", "random" (the same architecture, untrained), or timm's name of a VisionTransformer,
            ResNet, SwinTransformer or MlpMixer; for texts "gpt2", "bert-base-uncased", "minilm", "llama-3.2-1b" and so
            on, or a repository of the Hugging Face hub, as "org/model".
    """

    name: str
    image_size: ImageSize = 32
    """The height and width in pixels to which images are scaled."""
    length: TextLength = 128
    """How many tokens of a text a language model takes; what is longer is cut off."""
    padding: Literal["length", "longest"] = "length"
    """What shorter texts are padded to: `length`, or the longest text of their batch, rounded up to a multiple of 8."""
    tokenizer: LocalPath | None = None
    """The tokenizer.json of a language model, or a GGUF file that has one; null: the model's own."""
    pretrained: bool = True
    """Whether a model starts from its published weights, or from random ones."""
    weights: LocalPath | None = None
    """A file of weights to start from, instead of published or random ones: safetensors, or a state dict saved by
    torch.save; relative to the scenario's folder. Names and shapes must be those of the model, with two exceptions: the
    classifier may have another number of classes (it is then new), and position embeddings another image size. Of a
    language model, also a GGUF file, or a folder with one or several of safetensors."""
    keywords: dict[str, Any] = Field(default_factory=dict)
    """Arguments for timm, which builds a model of another shape with them, such as {patch_size: 4, embed_dim: 128,
    depth: 6}, or for a ResNet {layers: [1, 1, 1, 1], norm_layer: groupnorm}; of a language model the fields of its
    shape, such as {blocks: 4, width: 256, heads: 4, mlp: 1024}."""
    attention: Literal["fused", "math"] = "fused"
    """How attention is computed: "math" keeps the attention weights in memory, "fused" does not."""

    @model_serializer(mode="wrap")
    def _without_texts(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what matters to language models alone, where it is as usual."""
        usual = {key: type(self).model_fields[key].default for key in ("length", "padding", "tokenizer")}
        return {key: value for key, value in write(self).items() if key not in usual or value != usual[key]}
