"""What it takes to open the report of a run like the quickstart in a browser, from a file to the last figure, and to
move one of its sliders."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.helpers.browser import HAS_BROWSER, Browser
from tests.helpers.run_folders import fabricate

LABELS = ("FL", "SFL+FF", "SFL+Linear", "SFPrompt")
BEHAVIOURS = ("fedavg", "splitfed", "linear", "sfprompt")
TURNS = 5
MOVE = """
    const slider = document.querySelector("#whatif input[name=links]"), began = performance.now();
    slider.value = arguments[0];
    slider.dispatchEvent(new Event("input"));
    document.getElementById("whatif").getBoundingClientRect();
    return performance.now() - began;"""
"""Moves the slider of links, and returns how many ms it takes until its figures are laid out."""


def main() -> None:
    if not HAS_BROWSER:
        print("page_open_s: left out, there is no chromium with a chromedriver and selenium", file=sys.stderr)
        return
    from analysis import write_report
    from simulator.experiments.plan.explorer.explorer import EXPLORER, explorer
    from simulator.scenario.scenario import load

    with tempfile.TemporaryDirectory() as folder:
        run = fabricate(Path(folder) / "run", LABELS, algorithms=BEHAVIOURS, rounds=12, devices=12, per_round=4)
        (run / EXPLORER).write_text(json.dumps(explorer(load("scenarios/quickstart.yaml"))))
        page = write_report(run, [])
        browser = Browser()
        try:
            browser.open(page)  # the first one starts the browser's processes
            seconds = []
            for _ in range(TURNS):
                began = time.perf_counter()
                browser.open(page)
                seconds.append(time.perf_counter() - began)
            moves = [float(browser.run(MOVE, place)) / 1e3 for place in range(0, 40, 2)]
        finally:
            browser.driver.quit()
        report(
            "page_open_s",
            statistics.median(seconds),
            turns=TURNS,
            lowest=min(seconds),
            highest=max(seconds),
            bytes=page.stat().st_size,
        )
        report("slider_s", statistics.median(moves), turns=len(moves), lowest=min(moves), highest=max(moves))


if __name__ == "__main__":
    main()
