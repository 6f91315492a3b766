"""What the sliders of a run's page compute with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.reading import read_json

EXPLORER = "explorer.json"


def read_explorer(folder: Path) -> Any:
    """Return the programs of a run's closed forms, as its run wrote them; None if it has none.

    Raises:
        RunError: the file cannot be read.
    """
    path = folder / EXPLORER
    return read_json(path) if path.is_file() else None
