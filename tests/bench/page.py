"""What it takes to open the report of a run like the quickstart in a browser, from a file to the last figure, and to
move one of its sliders; the same for a run of 131,072 devices, and what it takes to write that report."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.helpers.browser import HAS_BROWSER, Browser
from tests.helpers.crowds import crowded, simulated_few
from tests.helpers.run_folders import fabricate

LABELS = ("FL", "SFL+FF", "SFL+Linear", "SFPrompt")
BEHAVIOURS = ("fedavg", "splitfed", "linear", "sfprompt")
TURNS = 5
COPIES = 2048  # of 64 devices
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
            report_opening("page_open_s", browser, page)
            moves = [float(browser.run(MOVE, place)) / 1e3 for place in range(0, 40, 2)]
            report("slider_s", statistics.median(moves), turns=len(moves), lowest=min(moves), highest=max(moves))
            crowd = crowded(simulated_few(Path(folder)), Path(folder) / "crowd", COPIES)
            began = time.process_time()
            page = write_report(crowd)
            report("report_131072_s", time.process_time() - began, unit="seconds of a core")
            report_opening("page_open_131072_s", browser, page)
        finally:
            browser.driver.quit()


def report_opening(name: str, browser: Browser, page: Path) -> None:
    """Report how long a browser takes to open a page."""
    seconds = []
    for _ in range(TURNS):
        began = time.perf_counter()
        browser.open(page)
        seconds.append(time.perf_counter() - began)
    extremes = {"lowest": min(seconds), "highest": max(seconds)}
    report(name, statistics.median(seconds), turns=TURNS, bytes=page.stat().st_size, **extremes)


if __name__ == "__main__":
    main()
