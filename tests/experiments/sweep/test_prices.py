"""A sweep over prices: single keys and whole lists as axes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.small_sweeps import Write, swept


def costs(folder: Path) -> dict[str, list[float]]:
    """The costs of all trials by label, in rising order."""
    found: dict[str, list[float]] = {}
    for file in sorted(folder.glob("trials/*/summary.json")):
        (trial,) = json.loads(file.read_text())["trials"]
        found.setdefault(trial["label"], []).append(trial["cost_usd"])
    return {label: sorted(values) for label, values in found.items()}


def test_a_price_as_an_axis(write: Write) -> None:
    folder = swept(write(axes={"prices.gpu": ["1 USD/h", "2 USD/h"]}))
    for cheap, dear in costs(folder).values():
        assert dear == pytest.approx(2 * cheap)


def test_whole_lists_as_an_axis(write: Write) -> None:
    lists = [{"gpu": "1 USD/h"}, {"gpu": "3 USD/h", "billing": "used"}, {"cellular": {"jetson-nano": "2 USD/GB"}}]
    folder = swept(write(axes={"prices": lists}))
    assert {label: len(set(values)) for label, values in costs(folder).items()} == {"FL": 3, "SFL": 3}
    assert (folder / "report.html").is_file()
