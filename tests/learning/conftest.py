"""What all tests of learning share: one thread, and no memory of what an earlier test traced, on disk or not."""

from collections.abc import Iterator

import pytest
import torch

from tests.helpers.caches import forget


@pytest.fixture(autouse=True, scope="module")
def _nothing_on_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFSIM_CACHE", "")
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Before and after each test, not only each file: what is traced here is what is tested here."""
    forget()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    forget()
