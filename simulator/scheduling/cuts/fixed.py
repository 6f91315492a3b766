"""The fixed policy: the cut that the algorithm's entry sets."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.cuts.base import CutPolicy


class Fixed(CutPolicy):
    """The same cut for all devices, given by `head` and `tail`."""

    name: ClassVar[str] = "fixed"
    chooses: ClassVar[bool] = False
