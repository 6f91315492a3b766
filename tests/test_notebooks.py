"""The notebooks among the examples run from the first cell to the last, in a kernel as Jupyter starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.helpers.places import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a notebook with the outputs of its cells; an error in a cell is an error here.

    Another process executes it: what the client leaves open when it ends would be an error in this one.
    """
    path, executed = request.param, tmp_path_factory.mktemp("notebook") / request.param.name
    command = [sys.executable, "-c", EXECUTE, str(path), str(executed)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return nbformat.read(executed, as_version=4)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_nothing_is_printed_and_nobody_is_warned(notebook: Any) -> None:
    """What is shown are results, and bars that go away."""
    assert [output.text for output in outputs(notebook) if output.output_type == "stream"] == []


def test_results_are_tables_and_pictures(notebook: Any) -> None:
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds


def test_runs_show_bars(notebook: Any) -> None:
    running = [cell for cell in notebook.cells if cell.cell_type == "code" and "sf.run(" in cell.source]
    assert running
    assert all(any(WIDGET in output.get("data", {}) for output in cell.outputs) for cell in running)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


def test_the_guide_says_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its examples are run one after the other, as a reader would, in the root of the project."""
    monkeypatch.chdir(ROOT)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guides/notebooks.md").read_text("utf-8"), re.DOTALL)
    assert len(examples) > 3
    names: dict[str, Any] = {}
    for example in examples:
        exec(example, names)
    assert list(names["sweep"].points["label"].unique()) == list(names["run"].summary["label"])
