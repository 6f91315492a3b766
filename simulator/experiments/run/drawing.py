"""The figures, the report and its sliders: drawn when a run is complete, and never at its expense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.experiments.plan.explorer.explorer import EXPLORER, explorer
from simulator.experiments.run.manifest import write_manifest
from simulator.experiments.trial.memory_check import Tell
from simulator.settings.disk import told
from simulator.settings.files import atomically

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

REPORT = "report.html"


def draw(folder: Path, scenario: Scenario, tell: Tell) -> None:
    """Draw the figures and the report of a complete run; a failure costs them alone.

    Args:
        folder: the run folder.
        scenario: what was run.
        tell: called with a line if something cannot be drawn.
    """
    from analysis import write_report

    write_explorer(folder, scenario, tell)
    try:
        write_report(folder)
        write_manifest(folder, only=(EXPLORER, "figures", REPORT))
    except Exception as error:  # whatever it is: the trials are done, and must not be lost for some pictures
        why = told(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        tell(f"The results are complete, but the report could not be drawn ({why}).")
        tell(f"Try again with: sfsim report {folder}")


def write_explorer(folder: Path, scenario: Scenario, tell: Tell) -> None:
    """Write what the sliders of the page compute with, if there is anything; a failure costs the sliders alone.

    Args:
        folder: the run folder.
        scenario: what was run.
        tell: called with a line if the page has no sliders because of an error.
    """
    try:
        programs = explorer(scenario)
        if programs:
            text = json.dumps(programs, separators=(",", ":"))
            atomically(folder / EXPLORER, lambda partial: partial.write_text(text, encoding="utf-8"))
    except Exception as error:  # whatever it is: the trials are done, and must not be lost for some sliders
        tell(f"The page has no sliders: {type(error).__name__}: {error}")
