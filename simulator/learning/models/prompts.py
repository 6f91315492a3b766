"""The settings of soft prompts."""

from __future__ import annotations

from typing import Literal

from simulator.settings.base import Settings
from simulator.settings.bounds import PromptLength


class Prompts(Settings):
    """Soft prompts: learnable tokens that are added once, before the first block (VPT-shallow; Jia et al., 2022).

    Attributes:
        length: how many tokens are added; 0: none, so that what remains can be compared.
        place: where they are added: after the class (and register) tokens, or after all tokens. A text has them after
            its class token, or begins with them if it has none.
    """

    length: PromptLength = 4
    place: Literal["after_class", "end"] = "after_class"
