"""The examples in docstrings do what they say; each is run in the root of the project, as a reader would."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.helpers.places import MODULES, ROOT

WITH_EXAMPLES = [
    path
    for path in MODULES
    if any(">>> " in line and "+SKIP" not in line for line in path.read_text("utf-8").splitlines())
]
PUBLIC = [
    "simulator/__init__.py",
    *(f"simulator/experiments/api/{name}.py" for name in ("plan", "results", "run", "sweep")),
]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_example_in_a_docstring_works(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    results = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0
    assert results.failed == 0


def test_what_the_package_offers_has_examples() -> None:
    assert {ROOT / name for name in PUBLIC} <= set(WITH_EXAMPLES)
