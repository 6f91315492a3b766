"""Settings of LoRA."""

from __future__ import annotations

from typing import Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from simulator.settings.base import Many, Settings, invalid


class Lora(Settings):
    """Low-rank changes of linear layers: x -> W x + (alpha / rank) B A x, W frozen (Hu et al., 2022; arXiv 2106.09685,
    section 4.1).

    Attributes:
        rank: of the change: rows of A and columns of B.
        alpha: its scale is alpha / rank; null: as the rank, a scale of 1.
        dropout: how much of an adapter's input is dropped while training.
        targets: the linear layers that have one, by the end of their name in a block. In a VisionTransformer `q`, `k`
            and `v` are the thirds of `attn.qkv`, `qkv` all three in one; then there are `proj`, `fc1` and `fc2`.
        blocks: the first and the last block that have adapters, counted from 0; [2, null]: from the third to the end;
            null: all, or as many as an algorithm trains.
    """

    rank: PositiveInt = 4
    alpha: PositiveFloat | None = None
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Many[str] = Field(default=("q", "v"), min_length=1)
    blocks: tuple[NonNegativeInt, NonNegativeInt | None] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _some_blocks(self) -> Self:
        first, last = self.blocks or (0, None)
        if last is not None and first > last:
            problem = "the first comes after the last, so no block has adapters"
            raise invalid([(("blocks",), [first, last], problem, "[first, last], counted from 0, or null")])
        return self

    @property
    def scale(self) -> float:
        return 1.0 if self.alpha is None else self.alpha / self.rank
