"""The generated pages of the manual, by their path below docs/."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import choices
import columns
import commands
import keys
import systems

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, Callable[[], str]]:
    """Return what makes the text of each page, by its path."""
    made: dict[str, Callable[[], str]] = {
        "systems/index.md": systems.overview,
        "reference/scenario.md": keys.scenario_page,
        "reference/files.md": keys.files_page,
        "reference/choices.md": choices.page,
        "reference/columns.md": columns.page,
        "reference/commands.md": commands.page,
        "changelog.md": partial((ROOT / "CHANGELOG.md").read_text, encoding="utf-8"),
    }
    return made | {f"systems/{name}.md": partial(systems.page, name) for name in systems.names()}
