"""Run folders, to compare them."""

import json
from pathlib import Path
from typing import Any

from pyarrow import parquet


def content(folder: Path) -> dict[str, Any]:
    """Return all that a run folder has, but for the seconds that the trials took, and the manifest with their hash."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."):
        name = str(path.relative_to(folder))
        found[name] = parquet.read_table(path).to_pydict() if path.suffix == ".parquet" else path.read_text()
    del found["manifest.json"]
    summary = json.loads(found["summary.json"])
    for trial in summary["trials"]:
        del trial["wall_time_s"]
    return found | {"summary.json": summary}
