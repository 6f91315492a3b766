"""The configuration of a language model: all that its shape and its computation depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from simulator.settings.bounds import MOST_LAYERS, MOST_WIDTH
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

DECODERS, ENCODERS = ("gpt2", "llama"), ("bert", "roberta")
LEARNED_POSITIONS = ("gpt2", *ENCODERS)


@dataclass(frozen=True)
class TextConfig:
    """The configuration of a language model.

    Attributes:
        family: ``gpt2``, ``bert``, ``roberta`` or ``llama``, which Qwen2 belongs to as well.
        vocabulary: the number of words, each with an id from 0.
        positions: how many tokens a sequence may have.
        width: D, of a token.
        blocks: how many there are.
        heads: of attention, in each block.
        mlp: the width between the layers of the MLP of a block.
        kv_heads: the heads of keys and values; 0: as many as of queries.
        head_width: the width of a head; 0: the width of a token, divided by the heads.
        epsilon: of norms.
        theta: the base of the frequencies of rotary positions (llama).
        scaling: how they reach a longer context (llama); see ``stages.llama.frequencies``.
        qkv_bias, output_bias, mlp_bias: whether these linear layers have a bias (llama); those of others always have.
        tied: whether the language-model head starts as the embedding of words.
        types: the number of kinds of sentences (bert, roberta).
        separator: the id that ends a sentence (bert); -1: all is one sentence.
        pooling: what the classifier of an encoder sees: ``token``, the class token, or ``mean``, of all tokens.
        deviation: the standard deviation of new weights.
    """

    family: str
    vocabulary: int
    positions: int
    width: int
    blocks: int
    heads: int
    mlp: int
    kv_heads: int = 0
    head_width: int = 0
    epsilon: float = 1e-5
    theta: float = 10_000.0
    scaling: tuple[float, ...] = ()
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    tied: bool = True
    types: int = 2
    separator: int = -1
    pooling: str = "token"
    deviation: float = 0.02

    @property
    def is_decoder(self) -> bool:
        """Whether tokens see only what is before them."""
        return self.family in DECODERS

    @property
    def key_heads(self) -> int:
        """The heads of keys and values."""
        return self.kv_heads or self.heads

    @property
    def each_head(self) -> int:
        """The width of a head."""
        return self.head_width or self.width // self.heads


OF_FAMILY = {
    "gpt2": frozenset({"tied"}),
    "llama": frozenset({"kv_heads", "head_width", "theta", "scaling", "qkv_bias", "output_bias", "mlp_bias", "tied"}),
    "bert": frozenset({"types", "separator", "pooling"}),
    "roberta": frozenset({"types", "pooling"}),
}
"""The fields that only some families have; the family itself is not to be changed."""
SHAPELESS = frozenset({"epsilon", "theta", "scaling", "tied", "separator", "pooling", "deviation", "positions"})
"""The fields that published weights may be loaded with whatever they are; positions, where they are not learned."""


def keywords_of(family: str) -> list[str]:
    """Return the fields of a family's configuration that keywords may change."""
    others = frozenset().union(*OF_FAMILY.values()) - OF_FAMILY[family] | {"family"}
    return [field.name for field in fields(TextConfig) if field.name not in others]


def changed(name: str, config: TextConfig, keywords: Mapping[str, Any]) -> TextConfig:
    """Return a configuration with some fields replaced.

    Args:
        name: the name of the model, for messages.
        config: the configuration.
        keywords: field -> value.

    Raises:
        UnfitError: there is no such field, its value is of another kind, or the fields do not go together.
    """
    allowed = keywords_of(config.family)
    values: dict[str, Any] = {}
    for key, value in keywords.items():
        if key not in allowed:
            problem = f"{name!r} takes no such keyword{near_miss(key, allowed)}"
            raise UnfitError(("keywords", key), value, problem, listed(allowed))
        values[key] = _fitting(key, value, getattr(config, key))
    if ("heads" in values or "width" in values) and "head_width" not in values:
        values["head_width"] = 0
    if "heads" in values and "kv_heads" not in values and config.key_heads == config.heads:
        values["kv_heads"] = 0
    if "separator" not in values and config.separator >= values.get("vocabulary", config.vocabulary):
        values["separator"] = -1  # a smaller vocabulary has none
    new = replace(config, **values)
    check(new, tuple(keywords))
    return new


def shape_changes(config: TextConfig, keywords: Mapping[str, Any]) -> list[str]:
    """Return the keywords with which published weights do not fit any more, by their names."""
    free = SHAPELESS - ({"positions"} if config.family in LEARNED_POSITIONS else set())
    return [key for key, value in keywords.items() if key not in free and value != getattr(config, key)]


def _fitting(key: str, value: Any, usual: Any) -> Any:
    """Return the value of a keyword as its field has it."""
    if isinstance(usual, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(usual, int):
        least = {"separator": -1, "kv_heads": 0, "head_width": 0}.get(key, 1)
        most = MOST_LAYERS if key == "blocks" else MOST_WIDTH
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        wanted = f"a whole number from {least} to {most:,}"
    elif isinstance(usual, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
        value, wanted = float(value) if fits else value, "a number above 0"
    elif isinstance(usual, tuple):
        fits = isinstance(value, list | tuple) and len(value) in (0, 1, 4)
        fits = fits and all(isinstance(one, int | float) and one > 0 for one in value)
        value, wanted = tuple(map(float, value)) if fits else value, "[], [factor] or [factor, low, high, length]"
    else:
        fits, wanted = value in ("token", "mean"), "token, mean"
    if not fits:
        raise UnfitError(("keywords", key), value, "it is no value of this keyword", wanted)
    return value


def check(config: TextConfig, given: tuple[str, ...] = ()) -> None:
    """Refuse a configuration whose fields do not go together.

    Args:
        config: the configuration.
        given: the fields that a user has set; the error is at one of them where there is one.

    Raises:
        UnfitError: heads do not divide what they should, or are too narrow for rotary positions.
    """
    problems = {
        ("heads", "width"): not config.head_width
        and config.width % config.heads
        and f"{config.heads} heads do not divide a width of {config.width}",
        ("kv_heads", "heads"): config.heads % config.key_heads
        and f"{config.key_heads} heads of keys do not divide {config.heads} heads of queries",
        ("head_width", "heads", "width"): config.family == "llama"
        and config.each_head % 2
        and f"a head of {config.each_head} cannot be turned in pairs: its width must be even",
        ("separator",): config.separator >= config.vocabulary
        and f"a vocabulary of {config.vocabulary} words has no id {config.separator}",
    }
    for keys, problem in problems.items():
        if problem:
            key = next((key for key in keys if key in given), keys[0])
            raise UnfitError(("keywords", key), getattr(config, key), problem)
