"""What the functions of the package take: a scenario, or what one is read from, and a folder or none."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator.scenario.scenario import Scenario, load

AnyScenario = Scenario | Path | str | Mapping[str, Any]
"""A scenario, the path of its file, or a mapping with what a file would have."""


def scenario_of(scenario: AnyScenario, plugins: Sequence[Path | str] = ()) -> Scenario:
    """Return a scenario as it is, or read it after the Python files whose plug-ins it names.

    Raises:
        ScenarioError: it or a plug-in cannot be read, or is not valid.
    """
    return scenario if isinstance(scenario, Scenario) else load(scenario, plugins=plugins)


class Folder:
    """The folder of a result: one that the user named, or a temporary one, which is removed with this object.

    Attributes:
        path: the folder.
        temporary: whether it is removed.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.path, self.temporary = path, root is not None
        if root is not None:
            weakref.finalize(self, shutil.rmtree, root, ignore_errors=True)

    @classmethod
    @contextmanager
    def to_write(cls, out: Path | str | None, name: str) -> Iterator[Folder]:
        """Provide the folder to write into; a temporary one is removed if something is raised within this context.

        Args:
            out: the folder; None for a temporary one.
            name: the name of a temporary folder.
        """
        if out is not None:
            yield cls(Path(out))
            return
        root = Path(tempfile.mkdtemp(prefix="sfsim-"))
        folder = cls(root / name, root)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
