"""What a site draws, in watts, by what it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Power:
    """Watts by state. A state's draw beyond idle is added while the site is in it; states that overlap add."""

    idle: float = 0.0
    compute: float = 0.0
    upload: float = 0.0
    download: float = 0.0
