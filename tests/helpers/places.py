"""The places of files and folders, independent of how deep a test lies."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder of the project."""
SCENARIOS = ROOT / "scenarios"
SHARED = ROOT.parent / "shared"
"""Data and weights that are not part of the project; tests that need them skip where they are absent."""
MODULES = sorted([*(ROOT / "simulator").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
"""All modules that are shipped."""
