"""The page on twins shows code that works."""

from __future__ import annotations

import re

import pytest

from tests.helpers.places import ROOT


def test_the_example_gives_what_it_says() -> None:
    page = (ROOT / "docs" / "twins.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    *lines, last = code.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    expression, said = last.split("  # ")
    assert eval(expression, names) == pytest.approx(float(said), abs=0.05)
