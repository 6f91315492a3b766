"""One browser for all files of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.browser import Browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.driver.quit()
