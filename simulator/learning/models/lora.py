"""The settings of LoRA."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from simulator.settings.base import Many, Settings, invalid
from simulator.settings.bounds import Blocks, PositiveFactor, Rank


class Lora(Settings):
    """LoRA adapters of linear layers (Hu et al., 2022; arXiv 2106.09685, section 4.1).

    A layer with frozen weight W computes W x + (alpha / rank) B A x.

    Attributes:
        rank: the rank of the change: the rows of A and the columns of B.
        alpha: the numerator of the scale alpha / rank; null: equal to the rank, for a scale of 1.
        dropout: the probability with which an input of an adapter is dropped during training.
        targets: the linear layers that get an adapter, by the end of their name in a block. In a VisionTransformer,
            `q`, `k` and `v` are the thirds of `attn.qkv`, and `qkv` is all three with one adapter; further layers are
            `proj`, `fc1` and `fc2`. A language model has the layers `q`, `k`, `v` and `o`, and `fc1` and `fc2`, or in
            the family of Llama `gate`, `up` and `down`.
        blocks: the first and the last block that have adapters, counted from 0; [2, null]: from the third to the last;
            null: all, or as many as an algorithm trains.
    """

    rank: Rank = 4
    alpha: PositiveFactor | None = None
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Many[str] = Field(default=("q", "v"), min_length=1)
    blocks: tuple[Blocks, Blocks | None] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _some_blocks(self) -> Self:
        first, last = self.blocks or (0, None)
        if last is not None and first > last:
            problem = "the first comes after the last, so no block has adapters"
            raise invalid([(("blocks",), [first, last], problem, "[first, last], counted from 0, or null")])
        return self

    @property
    def scale(self) -> float:
        """The factor alpha / rank on the output of an adapter."""
        return 1.0 if self.alpha is None else self.alpha / self.rank
