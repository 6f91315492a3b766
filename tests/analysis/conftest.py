"""What all tests of `analysis` share."""

from __future__ import annotations

import pytest

from analysis import style


@pytest.fixture(autouse=True)
def _coarse_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw with fewer dots: no test counts them, and a third of the time goes into them."""
    monkeypatch.setattr(style, "DPI", 50)
