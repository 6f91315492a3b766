"""What all tests of learning share: no memory of what another run traced on disk."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _nothing_on_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFSIM_CACHE", "")
        yield
