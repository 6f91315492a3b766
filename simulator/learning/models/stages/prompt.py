"""Soft prompts as a stage of their own."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Place = Literal["after_class", "end"]


class Prompt(nn.Module):
    """Soft prompts, inserted among the tokens before the first block (VPT-shallow; Jia et al., 2022, 3.2).

    The embedding draws them, by its method ``draw_prompts``.
    """

    def __init__(self, length: int, dim: int, at: int) -> None:
        super().__init__()
        self.at = at  # the number of tokens before the prompts; -1: the prompts come last
        self.tokens = nn.Parameter(torch.empty(1, length, dim))

    def forward(self, tokens: Tensor) -> Tensor:
        prompts = self.tokens.expand(tokens.shape[0], -1, -1)
        if self.at < 0:
            return torch.cat([tokens, prompts], dim=1)
        return torch.cat([tokens[:, : self.at], prompts, tokens[:, self.at :]], dim=1)

    def extra_repr(self) -> str:
        return f"{tuple(self.tokens.shape)}, at={self.at}"
