"""The copies of a user's plug-ins that a run keeps, so that it can be repeated."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.settings.disk import written
from simulator.settings.plugin_files import files_of

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

PLUGINS = "plugins"
"""The folder of the copies in that of a run."""


def plugins_in(folder: Path, scenario: Scenario) -> dict[str, Any]:
    """Copy the files of plug-ins that a scenario uses into a folder, and return what the environment says of them.

    So are the modules that they import from beside them.

    Args:
        folder: the run folder; the files go into ``plugins`` in it, as they were when they were loaded.
        scenario: the scenario that was run.
    """
    files = files_of(scenario)
    if not files:
        return {}
    names = [file.path.name for file in files]
    records = []
    for file in files:
        name = file.path.name if names.count(file.path.name) == 1 else f"{file.path.stem}-{file.sha256[:8]}.py"
        _copy(file.text, folder / PLUGINS / name)
        record = {"file": f"{PLUGINS}/{name}", "sha256": file.sha256, "names": file.names}
        beside = {
            module.path.relative_to(file.path.parent.resolve()).as_posix(): module.text for module in file.modules
        }
        for part, text in beside.items():
            _copy(text, folder / PLUGINS / part)
        if beside:
            record["imports"] = {part: hashlib.sha256(text).hexdigest() for part, text in beside.items()}
        records.append(record)
    return {"plugins": records}


def _copy(text: bytes, path: Path) -> None:
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
