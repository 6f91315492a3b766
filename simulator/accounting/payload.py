"""What an algorithm may say of a payload."""

from __future__ import annotations

from typing import Any


class Frozen(dict[str, Any]):
    """Weights that nobody will ever write: a wire may hand the same copy to all who ask for them."""
