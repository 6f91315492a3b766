"""A headless Chromium, and what tests and measurements ask of it."""

from __future__ import annotations

import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
HAS_BROWSER = bool(CHROMIUM and DRIVER and find_spec("selenium"))
PATIENCE = 570  # seconds: beside a training, a page may take its time


class Browser:
    """A headless Chromium, and what a test asks of it."""

    def __init__(self) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
                         "disable-extensions", "disable-background-networking"):  # fmt: skip
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.command_executor.client_config.timeout = PATIENCE + 10
        self.driver.set_page_load_timeout(PATIENCE)

    def open(self, path: Path) -> None:
        """Open a file, and wait until its figures are there."""
        self.driver.get(path.as_uri())
        self.until("return document.documentElement.dataset.drawn === 'all'")

    def until(self, script: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str, text: str) -> None:
        """Press the first button of these with this text."""
        script = """
            const [selector, text] = arguments;
            const found = [...document.querySelectorAll(selector)].find(each => each.textContent.trim() === text);
            found?.click();
            return found !== undefined;"""
        assert self.run(script, selector, text), f"no {selector} says {text!r}"

    def emulate(self, *, dark: bool = False, width: int = 1200) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


def rows(browser: Browser, table: str) -> list[str]:
    """Return the first word of each row of a table."""
    found: list[str] = browser.run(
        f"return [...document.querySelectorAll('{table} tbody tr')].map(row => row.cells[0].textContent)"
    )
    return found
