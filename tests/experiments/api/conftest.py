"""A tiny scenario of two algorithms, which takes a moment to run dry, and one dry run of it."""

from collections.abc import Iterator

import pytest
import yaml

import simulator as sf
from tests.helpers.small_sweeps import SCENARIO


@pytest.fixture(scope="module")
def tiny() -> sf.Scenario:
    return sf.load(yaml.safe_load(SCENARIO))


@pytest.fixture(scope="module")
def run(tiny: sf.Scenario) -> Iterator[sf.Run]:
    return sf.run(tiny.with_(seeds=[0, 1], training__rounds=2), dry=True)
