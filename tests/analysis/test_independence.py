"""`analysis` reads files: of the simulator it knows the ground floor alone, and nothing of what it needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import analysis

MODULES = sorted(Path(analysis.__file__).parent.rglob("*.py"))


def test_analysis_imports_neither_torch_nor_simpy_nor_pyplot() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}: relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                assert name.split(".")[0] not in {"torch", "timm", "simpy"}, f"{path.name}: {name}"
                assert not name.startswith("matplotlib.pyplot"), f"{path.name}: {name}"


def loaded_by(statement: str, suspects: set[str]) -> set[str]:
    """Which of these modules a fresh interpreter has loaded after one statement."""
    code = f"import sys; {statement}; print(*({suspects} & set(sys.modules)))"
    root = MODULES[0].parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    return set(done.stdout.split())


def test_formatting_a_number_waits_for_no_library() -> None:
    assert (
        loaded_by("from simulator.settings.humanize import human", {"pandas", "matplotlib", "numpy", "jinja2"}) == set()
    )


def test_figures_and_report_load_no_pyplot_and_not_the_simulator() -> None:
    statement = "from analysis import write_figures, write_report"
    rooms = {f"simulator.{room}" for room in ("world", "learning", "algorithms", "scenario", "experiments")}
    assert loaded_by(statement, {"torch", "simpy", "matplotlib.pyplot", *rooms}) == set()


def test_every_public_name_is_there() -> None:
    for name in analysis.__all__:
        assert getattr(analysis, name).__name__ == name
    assert not hasattr(analysis, "plot_nothing")
