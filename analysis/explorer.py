"""What the sliders of a run's page compute with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.reading import read_json

EXPLORER = "explorer.json"


def read_explorer(folder: Path) -> Any:
    """Return the programs of a run's closed forms, as its run wrote them; None if it has none that the page can run.

    Raises:
        RunError: the file cannot be read.
    """
    path = folder / EXPLORER
    programs = read_json(path) if path.is_file() else {}
    return programs if "seed" in programs else None  # earlier versions wrote other inputs, and no seed
