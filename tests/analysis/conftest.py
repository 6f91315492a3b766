"""What all tests of `analysis` share: coarse figures, and pages without the figures that would lie beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analysis import figures, report, report_search, report_sweep, search_figures, style, sweep_figures

DRAWN = {
    "write_figures": (report, figures),
    "write_search_figures": (report_search, search_figures),
    "write_sweep_figures": (report_sweep, sweep_figures),
}
"""What draws figures: the module of the page that lists them, and its own."""


@pytest.fixture(autouse=True)
def _coarse_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw with fewer dots: no test counts them, and a third of the time goes into them."""
    monkeypatch.setattr(style, "DPI", 50)


@pytest.fixture(autouse=True, scope="module")
def _blank_pages() -> Iterator[None]:
    """Figures take three times as long as the page that lists them; a test that looks at both asks for ``pictures``."""
    with pytest.MonkeyPatch.context() as patch:
        for name, (page, _) in DRAWN.items():
            patch.setattr(page, name, lambda folder: [])
        yield


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn beside a page as they are for a user."""
    for name, (page, drawing) in DRAWN.items():
        monkeypatch.setattr(page, name, getattr(drawing, name))


@pytest.fixture
def nothing_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not written: the pixels take longer, and do not say which figures there are."""
    monkeypatch.setattr(style, "save", lambda figure, path: path)
