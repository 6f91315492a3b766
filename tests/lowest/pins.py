"""The lowest pins: for each requirement of `pyproject.toml`, the version that its lower bound names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

TESTING = ("hypothesis", "jsonschema", "pytest")
"""What the selected tests need beyond what the package and its extras require."""
TOOLS = ("dev", "docs")
"""The extras that are for those who work on the package: whatever version they have is recent."""


def pins(project: Path) -> Iterator[str]:
    """Yield a pin, such as `pydantic==2.11`, for each requirement of a project and its extras and of the tests.

    Args:
        project: its `pyproject.toml`.

    Raises:
        ValueError: a requirement names no lower bound.
    """
    table = tomllib.loads(project.read_text("utf-8"))["project"]
    extras = table["optional-dependencies"]
    wanted = [*table["dependencies"]]
    wanted += [text for name, texts in extras.items() if name not in TOOLS for text in texts]
    wanted += [text for text in extras["dev"] if Requirement(text).name in TESTING]
    for requirement in map(Requirement, wanted):
        lowest = [bound.version for bound in requirement.specifier if bound.operator in (">=", "==", "~=")]
        if len(lowest) != 1:
            raise ValueError(f"{requirement}: names no lower bound")
        yield f"{requirement.name}=={lowest[0]}"
