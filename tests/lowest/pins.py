"""The lowest pins: for each requirement of `pyproject.toml`, the version that its lower bound names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

TESTING = ("hypothesis", "jsonschema", "pytest")
"""What the selected tests need beyond what the package itself requires."""


def pins(project: Path) -> Iterator[str]:
    """Yield a pin, such as `pydantic==2.11`, for each requirement of a project and for what the tests need.

    Args:
        project: its `pyproject.toml`.

    Raises:
        ValueError: a requirement names no lower bound.
    """
    table = tomllib.loads(project.read_text("utf-8"))["project"]
    wanted = [Requirement(text) for text in table["dependencies"]]
    extra = [Requirement(text) for text in table["optional-dependencies"]["dev"]]
    for requirement in (*wanted, *(found for found in extra if found.name in TESTING)):
        lowest = [bound.version for bound in requirement.specifier if bound.operator in (">=", "==", "~=")]
        if len(lowest) != 1:
            raise ValueError(f"{requirement}: names no lower bound")
        yield f"{requirement.name}=={lowest[0]}"
