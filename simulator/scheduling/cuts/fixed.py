"""The cut that the entry says."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.cuts.base import CutPolicy


class Fixed(CutPolicy):
    """The same for all devices: what `head` and `tail` say."""

    name: ClassVar[str] = "fixed"
    chooses: ClassVar[bool] = False
