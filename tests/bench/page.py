"""What it takes to open the report of a run like the quickstart in a browser, from a file to the last figure."""

from __future__ import annotations

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


def main() -> None:
    if not HAS_BROWSER:
        print("page_open_s: left out, there is no chromium with a chromedriver and selenium", file=sys.stderr)
        return
    from analysis import write_report

    with tempfile.TemporaryDirectory() as folder:
        run = fabricate(Path(folder) / "run", LABELS, algorithms=BEHAVIOURS, rounds=12, devices=12, per_round=4)
        page = write_report(run, [])
        browser = Browser()
        try:
            browser.open(page)  # the first one starts the browser's processes
            seconds = []
            for _ in range(TURNS):
                began = time.perf_counter()
                browser.open(page)
                seconds.append(time.perf_counter() - began)
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


if __name__ == "__main__":
    main()
