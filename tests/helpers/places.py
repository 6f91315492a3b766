"""Where things lie, however deep the test is that asks."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of the project."""
SCENARIOS = ROOT / "scenarios"
SHARED = ROOT.parent / "shared"
"""Data and weights that are not part of the project; tests that need them skip where they are absent."""
MODULES = sorted([*(ROOT / "simulator").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
"""All that is shipped."""
