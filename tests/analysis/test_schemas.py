"""The schemas that reports read are those that are written."""

from analysis.schemas import KEY, READ
from simulator.accounting.tables import SCHEMA, SCHEMA_KEY


def test_what_is_written_is_read() -> None:
    assert (READ[-1], KEY) == (SCHEMA, SCHEMA_KEY)
